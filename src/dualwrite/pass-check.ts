import type { Database } from '../citus/database.js';
import type { TableShards } from '../citus/shards.js';
import { type Digest, type DigestColumns, digestsEqual, EMPTY_DIGEST, parseDigest } from '../core/digest.js';
import { MigrateError } from '../core/errors.js';
import { qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { recordHash } from '../verify/canonical.js';
import { expressionsOf, incomparable, readTypes, type SideExpressions } from '../verify/side.js';
import { homeOf } from '../verify/units.js';

interface Checked {
  readonly source: SideExpressions;
  readonly target: SideExpressions;
}

/** Digests by 1-based shard. */
export type ShardDigests = ReadonlyMap<number, Digest>;

/**
 * How the rows that a pass brings are compared with the source's, before it commits: their number and digest, shard by
 * shard, on every placement. Between one full verification and the next nothing but passes writes the target, so that
 * what was equal then is equal behind each of them.
 */
export class PassCheck {
  private constructor(
    private readonly tables: ReadonlyMap<string, Checked>,
    /** Tables of which rows are counted only, and why. */
    readonly counted: ReadonlyMap<string, string>,
  ) {}

  static async open(source: Database, target: Database, tables: readonly TablePlan[]): Promise<PassCheck> {
    const types = {
      source: await readTypes(source, tables),
      target: await readTypes(target, tables),
    };
    const checked = new Map<string, Checked>();
    const counted = new Map<string, string>();
    for (const table of tables) {
      const expressions = {
        source: expressionsOf(table, 'source', types),
        target: expressionsOf(table, 'target', types),
      };
      const reason = await incomparable(source.session, table, types);
      if (reason !== undefined) counted.set(qualified(table), reason);
      checked.set(qualified(table), expressions);
    }
    return new PassCheck(checked, counted);
  }

  /** The SQL of a row's hash on one side; of a table whose values cannot be compared a constant. */
  hash(table: TablePlan, side: 'source' | 'target'): string {
    const name = qualified(table);
    return this.counted.has(name) ? '0::bigint' : this.tables.get(name)![side].hash;
  }

  /** The same of the columns that go back, by which a row is the same on both sides whatever was added to it. */
  ownHash(table: TablePlan, side: 'source' | 'target'): string {
    const name = qualified(table);
    if (this.counted.has(name)) return '0::bigint';
    const { canonical } = this.tables.get(name)![side];
    return recordHash(canonical.filter((_, index) => table.columns[index]!.origin === 'own'));
  }

  /** What `from` selects on the source, by the shard that it belongs to. */
  async onSource(
    session: Session,
    table: TablePlan,
    shards: TableShards,
    from: string,
  ): Promise<ShardDigests> {
    const { source } = this.tables.get(qualified(table))!;
    const rows = await session.query<DigestColumns & { part: number | null }>(
      sql('dualwrite/pass-digest', {
        bucket: homeOf(shards, source),
        hash: this.hash(table, 'source'),
        from,
      }),
      `digest changed rows of ${table.table}`,
    );
    return new Map(rows.map((row) => [row.part ?? 0, parseDigest(row)]));
  }
}

/** Throws ROWS_DIFFER where a shard of the target does not hold what the source has for it. */
export function requireSame(
  table: TablePlan,
  node: string,
  source: ShardDigests,
  target: ShardDigests,
): void {
  const differ = [...new Set([...source.keys(), ...target.keys()])].filter(
    (shard) => !digestsEqual(source.get(shard) ?? EMPTY_DIGEST, target.get(shard) ?? EMPTY_DIGEST),
  );
  if (differ.length === 0) return;
  throw new MigrateError('ROWS_DIFFER', {
    message: `Rows of ${table.table} that a pass brought to ${node} are not what they are on the other side: nothing of the pass was kept`,
    hint: 'Look at the difference with `migrate verify`; a trigger that always fires, a rule or a changed type can make one.',
    context: { table: table.table, node, shards: differ.length },
  });
}
