import type { Database } from '../citus/database.js';
import type { SequenceDef } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { displayName, qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceValue } from '../export/manifest.js';
import { workerRange } from '../load/own-ids.js';
import { advanceSequences } from '../load/sequences.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

const readValues = (session: Session): Promise<SequenceValue[]> =>
  session.query<SequenceValue>(sql('export/sequences'), 'read the sequences');

/** Largest value of an integer type; of others nothing is known. */
const LIMITS: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n - 1n,
  integer: 2n ** 31n - 1n,
};

/**
 * The value from which the target gives out ids while the source goes on with its own: in the middle of what is left
 * of the range, so that neither comes upon the other's. undefined: there is no room, or it counts down.
 */
export function farAhead(last: bigint, limit: bigint, increment: bigint): bigint | undefined {
  const left = limit - last;
  if (increment <= 0n || left < 4n * increment) return undefined;
  return last + left / 2n;
}

/** Where the ids of a sequence end on both sides: of its own bounds, its column's type and the coordinator's range. */
function limitOf(sequence: SequenceDef, plan: Plan): bigint {
  const { ownedBy } = sequence;
  const column =
    ownedBy &&
    plan.catalog.tables
      .find((table) => qualified(table) === qualified(ownedBy))
      ?.columns.find(({ name }) => name === ownedBy.column);
  const ends = [
    BigInt(sequence.max),
    LIMITS[column?.type ?? ''] ?? workerRange(1).min - 1n,
    workerRange(1).min - 1n,
  ];
  return ends.reduce((least, end) => (end < least ? end : least));
}

export interface SequenceScope {
  readonly from: Database;
  readonly to: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
}

const scopeOf = ({ plan, tables }: SequenceScope): readonly SequenceDef[] => {
  const names = new Set(tables.map(qualified));
  return plan.catalog.sequences.filter(
    ({ ownedBy }) => ownedBy === undefined || names.has(qualified(ownedBy)),
  );
};

/**
 * Before writes are held up: the side that takes them next is past every id and every value that the other side has
 * given out. Ids that the cluster's workers give out lie in ranges of their own, on either side: a single node that
 * went on behind one of them would meet that worker's next ones. Reads the largest ids, which may take long.
 */
export async function passSequences(scope: SequenceScope, context: Context): Promise<number> {
  const { from, to, plan, tables } = scope;
  const sequences = await readValues(from.session);
  const workers = [from, to].flatMap(({ nodes }) =>
    nodes.flatMap(({ groupId }) => (groupId === 0 ? [] : [groupId])),
  );
  return advanceSequences(to.session, { workers, plan, tables, sequences }, context.log);
}

/**
 * Where both sides give out ids for a while: the side that takes writes goes on far ahead of the other one, unless the
 * two are far apart already. Returns where each of its sequences goes on.
 */
export async function partSequences(scope: SequenceScope, context: Context): Promise<Record<string, string>> {
  const { from, to, plan } = scope;
  const [here, there] = [await readValues(from.session), await readValues(to.session)].map(
    (values) => new Map(values.map((value) => [qualified(value), BigInt(value.last ?? 0)])),
  );
  const starts: Record<string, string> = {};
  for (const sequence of scopeOf(scope)) {
    const name = qualified(sequence);
    const limit = limitOf(sequence, plan);
    const last = here!.get(name) ?? 0n;
    const now = there!.get(name) ?? 0n;
    const [low, high] = now < last ? [now, last] : [last, now];
    const increment = BigInt(sequence.increment);
    // A quarter of the range was kept clear before, by an earlier step of the ramp.
    if (increment > 0n && high - low >= (limit - low) / 4n) {
      starts[displayName(sequence)] = String(now);
      continue;
    }
    const start = farAhead(high, limit, increment);
    if (start === undefined) {
      context.log.warn(
        `Sequence ${displayName(sequence)} has no room for both sides to give out ids of their own: while both are written, ids can come twice`,
      );
      continue;
    }
    await to.session.query(
      sql('load/sequence', { sequence: name, value: String(start) }),
      `move sequence ${displayName(sequence)} ahead`,
    );
    starts[displayName(sequence)] = String(start);
  }
  return starts;
}

/** While writes are held up: past what the other side has given out until now. One statement for all. */
export async function followSequences(scope: SequenceScope): Promise<void> {
  const { from, to } = scope;
  const values = new Map((await readValues(from.session)).map((value) => [qualified(value), value.last]));
  const statements = scopeOf(scope).flatMap((sequence) => {
    const value = values.get(qualified(sequence));
    if (value === undefined || value === null) return [];
    return [sql('load/sequence', { sequence: qualified(sequence), value })];
  });
  if (statements.length > 0) await to.session.query(statements.join('\n'), 'move the sequences');
}
