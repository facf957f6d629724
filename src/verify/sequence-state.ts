import type { Node } from '../citus/database.js';
import { qualified, quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { CheckedSide } from './checked-side.js';

/** Where a sequence stands on one node. */
export interface SequenceState {
  readonly up: boolean;
  readonly min: bigint;
  readonly max: bigint;
  /** The value before the next one: the last given out, or what would have been; null: the role may not read it. */
  readonly last: bigint | null;
  /** Whether a value was given out, or the next one was set. */
  readonly used: boolean;
}

interface SequenceRow {
  schema: string;
  name: string;
  start: string;
  increment: string;
  min: string;
  max: string;
  readable: boolean;
}

/** By qualified name. */
export type SequenceStates = ReadonlyMap<string, SequenceState>;

export async function readSequences(session: Session): Promise<SequenceStates> {
  const doing = 'read the sequences';
  const rows = await session.query<SequenceRow>(sql('verify/sequences'), doing);
  // pg_sequences does not show a value that was set to be given out next.
  const queries = rows
    .filter((row) => row.readable)
    .map(
      (row) =>
        `SELECT ${quoteLiteral(qualified(row))} AS name, last_value::text AS value, is_called AS called FROM ${qualified(row)}`,
    );
  const read =
    queries.length === 0
      ? []
      : await session.query<{ name: string; value: string; called: boolean }>(
          queries.join(' UNION ALL '),
          doing,
        );
  const values = new Map(read.map((row) => [row.name, row]));
  return new Map(
    rows.map((row) => {
      const increment = BigInt(row.increment);
      const at = values.get(qualified(row));
      return [
        qualified(row),
        {
          up: increment > 0n,
          min: BigInt(row.min),
          max: BigInt(row.max),
          last: at === undefined ? null : BigInt(at.value) - (at.called ? 0n : increment),
          used: at !== undefined && (at.called || at.value !== row.start),
        },
      ];
    }),
  );
}

/** The same on every worker. */
export async function readWorkerSequences({ cut, pool }: CheckedSide): Promise<Map<Node, SequenceStates>> {
  const workers = cut.database.nodes.filter(({ groupId }) => groupId !== 0);
  return new Map(
    await Promise.all(workers.map(async (node) => [node, await pool.use(node, readSequences)] as const)),
  );
}
