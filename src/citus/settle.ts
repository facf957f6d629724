import { setTimeout as pause } from 'node:timers/promises';
import { MigrateError } from '../core/errors.js';
import { sql } from '../postgres/sql-files.js';
import type { Database } from './database.js';

/** Looks at transactions that do not end by themselves, a quarter of a second apart. */
const LOOKS = 20;
const PAUSE_MS = 250;

async function prepared(database: Database): Promise<string[]> {
  const gids: string[] = [];
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      const rows = await session.query<{ gid: string }>(
        sql('citus/prepared'),
        'look for prepared transactions',
      );
      gids.push(...rows.map(({ gid }) => `${node.name} ${gid}`));
    } finally {
      await session.close();
    }
  }
  return gids;
}

/**
 * Waits until every distributed transaction that is prepared now is decided. A node that went away between PREPARE
 * and COMMIT keeps its rows to itself, while others show theirs; Citus settles that within a minute, a superuser can
 * do it now. Throws TRANSIENT when it is not settled.
 */
export async function settlePrepared(database: Database): Promise<void> {
  if (database.kind !== 'citus') return;
  let left = await prepared(database);
  for (let look = 0; left.length > 0 && look < LOOKS; look += 1) {
    await database.session
      .query('SELECT recover_prepared_transactions()', 'settle prepared transactions')
      .catch(() => {});
    const still = new Set(await prepared(database));
    left = left.filter((gid) => still.has(gid));
    if (left.length > 0) await pause(PAUSE_MS);
  }
  if (left.length === 0) return;
  throw new MigrateError('TRANSIENT', {
    message: `${left.length} distributed transactions are prepared but undecided`,
    hint: 'Citus settles them by itself within a minute (citus.recover_2pc_interval); then repeat the command.',
  });
}
