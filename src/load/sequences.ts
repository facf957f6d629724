import type { SequenceDef } from '../core/catalog-types.js';
import type { Log } from '../core/context.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import { INTEGER_TYPES } from '../plan/types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { asInt8, int8, ownIds } from './own-ids.js';

/** The value furthest along a sequence's way. */
function furthest(values: readonly (string | null)[], up: boolean): bigint | undefined {
  const numbers = values.filter((value) => value !== null).map(BigInt);
  return numbers.reduce<bigint | undefined>(
    (best, value) => (best === undefined || value > best === up ? value : best),
    undefined,
  );
}

interface Largest {
  /** Of the ids that the sequence can come upon. */
  readonly own: string | null;
  /** Of those beyond its end. */
  readonly beyond: string | null;
}

async function largestId(
  session: Session,
  sequence: SequenceDef,
  up: boolean,
  { plan, workers }: SequenceScope,
): Promise<Largest> {
  const { ownedBy } = sequence;
  const column =
    ownedBy &&
    plan.catalog.tables
      .find((table) => qualified(table) === qualified(ownedBy))
      ?.columns.find(({ name }) => name === ownedBy.column);
  const [bounds] = await session.query<{ min: string; max: string }>(
    sql('load/sequence-bounds', { sequence: qualified(sequence) }),
  );
  // Text, numeric and uuid columns can be made from a sequence, too: what it gave out cannot be read off them.
  if (
    ownedBy === undefined ||
    column === undefined ||
    bounds === undefined ||
    !INTEGER_TYPES.has(column.type)
  )
    return { own: null, beyond: null };
  const id = quoteIdent(ownedBy.column);
  const [min, max] = [BigInt(bounds.min), BigInt(bounds.max)];
  const own = ownIds(id, { min, max }, workers);
  const most = async (condition: string): Promise<string | null> => {
    const { last } = await session.one<{ last: string | null }>(
      `SELECT ${up ? 'max' : 'min'}(${id})::text AS last FROM ${qualified(ownedBy)} WHERE ${condition}`,
      `read the largest ${ownedBy.column} of ${qualified(ownedBy)}`,
    );
    return last;
  };
  const end = up ? `${asInt8(id)} > ${int8(max)}` : `${asInt8(id)} < ${int8(min)}`;
  return { own: await most(own), beyond: await most(end) };
}

export interface SequenceScope {
  /** Groups of the workers of a cluster that gives out ids of these tables, too. */
  readonly workers: readonly number[];
  readonly plan: Plan;
  /** Sequences of other tables are left alone. */
  readonly tables: readonly TablePlan[];
  /** Where the sequences of the other side stand. */
  readonly sequences: readonly SequenceValue[];
}

/**
 * Moves every sequence of the plan past what the source has used and past the largest id in its column, as far as
 * it reaches; warns where ids or the source are beyond that. COPY does not advance sequences. Returns how many were
 * moved.
 */
export async function advanceSequences(
  session: Session,
  scope: SequenceScope,
  log: Pick<Log, 'warn'>,
): Promise<number> {
  const { plan, tables, sequences } = scope;
  const names = new Set(tables.map(qualified));
  const last = new Map(sequences.map((value) => [qualified(value), value.last]));
  let advanced = 0;
  for (const sequence of plan.catalog.sequences) {
    const { ownedBy } = sequence;
    if (ownedBy !== undefined && !names.has(qualified(ownedBy))) continue;
    const up = !sequence.increment.startsWith('-');
    const largest = await largestId(session, sequence, up, scope);
    const name = displayName(sequence);
    if (largest.beyond !== null)
      log.warn(
        `Sequence ${name} ends before ids that ${displayName(ownedBy!)} holds: it was set to the last one within its bounds`,
      );
    const value = furthest([last.get(qualified(sequence)) ?? null, largest.own], up);
    if (value === undefined) continue;
    const { goal, moved } = await session.one<{ goal: string; moved: boolean }>(
      sql('load/sequence', { sequence: qualified(sequence), value: String(value) }),
      `set sequence ${qualified(sequence)}`,
    );
    if (goal !== String(value))
      log.warn(
        `Sequence ${name} stands at its end, ${goal}: the other side had given out ${value}. It can give out no more`,
      );
    if (moved) advanced += 1;
  }
  return advanced;
}
