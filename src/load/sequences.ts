import type { SequenceDef } from '../core/catalog-types.js';
import { qualified, quoteIdent } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** The value furthest along a sequence's way. */
function furthest(values: readonly (string | null)[], up: boolean): bigint | undefined {
  const numbers = values.filter((value) => value !== null).map(BigInt);
  return numbers.reduce<bigint | undefined>(
    (best, value) => (best === undefined || value > best === up ? value : best),
    undefined,
  );
}

async function largestId(session: Session, sequence: SequenceDef, up: boolean): Promise<string | null> {
  const { ownedBy } = sequence;
  if (ownedBy === undefined) return null;
  const { last } = await session.one<{ last: string | null }>(
    `SELECT ${up ? 'max' : 'min'}(${quoteIdent(ownedBy.column)})::text AS last FROM ${qualified(ownedBy)}`,
    `read the largest ${ownedBy.column} of ${qualified(ownedBy)}`,
  );
  return last;
}

/**
 * Moves every sequence of the plan past what the source has used and past the largest id in its column. COPY does
 * not advance sequences. Sequences of tables that are not in `tables` are left alone.
 */
export async function advanceSequences(
  session: Session,
  plan: Plan,
  tables: readonly TablePlan[],
  source: readonly SequenceValue[],
): Promise<number> {
  const scope = new Set(tables.map(qualified));
  const last = new Map(source.map((value) => [qualified(value), value.last]));
  let advanced = 0;
  for (const sequence of plan.catalog.sequences) {
    if (sequence.ownedBy !== undefined && !scope.has(qualified(sequence.ownedBy))) continue;
    const up = !sequence.increment.startsWith('-');
    const value = furthest(
      [last.get(qualified(sequence)) ?? null, await largestId(session, sequence, up)],
      up,
    );
    if (value === undefined) continue;
    const moved = await session.query(
      sql('load/sequence', { sequence: qualified(sequence), value: String(value) }),
      `set sequence ${qualified(sequence)}`,
    );
    advanced += moved.length;
  }
  return advanced;
}
