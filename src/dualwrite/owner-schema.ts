import type { Database } from '../citus/database.js';
import { quoteLiteral } from '../core/names.js';
import { ALL_UNITS, ANY_LOCK, bucketSql } from '../core/ownership.js';
import { sql } from '../postgres/sql-files.js';

/** First number of the advisory locks of units, "cmow"; the second is that of `lockOf`. */
export const LOCK_CLASS = 0x63_6d_6f_77;

/** Makes what ownership needs on every node of a side where it is missing: all units are the source's then. */
export async function createOwnership(database: Database): Promise<void> {
  const citus = database.kind === 'citus';
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      // Workers tell nobody.
      const on_workers = citus && node === database.head ? sql('dualwrite/owner-on-workers') : '';
      const statement = sql('dualwrite/owner-create', {
        units: ALL_UNITS.map(quoteLiteral).join(', '),
        bucket_body: `SELECT 'b' || lpad(${bucketSql('namespace')}::text, 2, '0')`,
        named_bucket: bucketSql('substr(unit, 3)'),
        adopt_body: sql('dualwrite/owner-adopt-body'),
        take_over_body: sql('dualwrite/owner-take-over-body', { side: database.options.side, on_workers }),
        settle_body: sql('dualwrite/owner-settle-body', {
          lock_class: LOCK_CLASS,
          any_lock: ANY_LOCK,
          on_workers,
        }),
      });
      await session.transaction(async () => {
        await session.query(statement, 'make the table of owners');
      });
    } finally {
      await session.close();
    }
  }
}

/** Takes it away from every node. Throws when guards are still there, which need it. */
export async function removeOwnership(database: Database): Promise<void> {
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      await session.transaction(async () => {
        const { there } = await session.one<{ there: boolean }>(
          `SELECT to_regnamespace('citus_migrate') IS NOT NULL AS there`,
        );
        if (!there) return;
        await session.query(sql('dualwrite/owner-remove'), 'remove the table of owners');
        const { used } = await session.one<{ used: boolean }>(sql('dualwrite/leftovers'));
        await session.query('SET LOCAL citus.enable_ddl_propagation = off');
        await session.query(
          used ? 'REVOKE USAGE ON SCHEMA citus_migrate FROM PUBLIC' : 'DROP SCHEMA citus_migrate',
          'remove the table of owners',
        );
      });
    } finally {
      await session.close();
    }
  }
}
