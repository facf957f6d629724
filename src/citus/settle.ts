import { setTimeout as pause } from 'node:timers/promises';
import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Database, Node } from './database.js';

/** Looks at transactions that do not end by themselves, a quarter of a second apart. */
const LOOKS = 20;
const PAUSE_MS = 250;

async function onEach(
  database: Database,
  work: (session: Session, node: Node) => Promise<void>,
): Promise<void> {
  for (const node of database.nodes) {
    const session = await database.connect(node);
    try {
      await work(session, node);
    } finally {
      await session.close();
    }
  }
}

async function prepared(database: Database): Promise<string[]> {
  const gids: string[] = [];
  await onEach(database, async (session, node) => {
    const rows = await session.query<{ gid: string }>(
      sql('citus/prepared'),
      'look for prepared transactions',
    );
    gids.push(...rows.map(({ gid }) => `${node.name} ${gid}`));
  });
  return gids;
}

/** Each node decides what began there: an application may work through a worker. */
function recover(database: Database): Promise<void> {
  return onEach(database, async (session) => {
    await session
      .query('SELECT recover_prepared_transactions()', 'settle prepared transactions')
      .catch(() => {});
  });
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
    await recover(database);
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
