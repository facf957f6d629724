import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { displayName, qualified } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { captureOf, logOf } from './names.js';
import { withShortLock } from './short-lock.js';
import { lockShim, readCaptured, readState } from './state.js';

interface TriggerRelation extends Named {
  readonly function: string;
}

const triggerRelations = (session: Session): Promise<TriggerRelation[]> =>
  session.query<TriggerRelation>(sql('dualwrite/trigger-relations'), 'look for triggers of the shim');

/** Takes the triggers of one captured table away, one short lock at a time, then its log. */
export async function releaseTable(session: Session, id: number, context: Context): Promise<void> {
  const capture = captureOf(id);
  const relations = (await triggerRelations(session)).filter(
    (relation) => `citus_migrate.${relation.function}` === capture,
  );
  for (const relation of relations) {
    await withShortLock(session, displayName(relation), context, async () => {
      await session.query(
        sql('dualwrite/release', { relation: qualified(relation) }),
        `take the triggers off ${displayName(relation)}`,
      );
    });
  }
  await withShortLock(session, logOf(id, 1), context, async () => {
    await session.query(
      sql('dualwrite/forget-table', { capture, id, log_1: logOf(id, 1), log_2: logOf(id, 2) }),
      'drop a change log',
    );
  });
}

/** Takes the whole shim away. What was captured and not applied is lost with it. Returns whether there was one. */
export async function removeShim(source: Database, context: Context): Promise<boolean> {
  const session = await source.connect();
  try {
    await lockShim(session);
    if ((await readState(session)) === undefined) return false;
    for (const { id } of await readCaptured(session)) await releaseTable(session, id, context);
    await session.transaction(async () => {
      await session.query(sql('dualwrite/remove'), 'remove the shim');
      const { used } = await session.one<{ used: boolean }>(sql('dualwrite/leftovers'));
      if (!used) await session.query('DROP SCHEMA citus_migrate', 'remove the shim');
    });
    return true;
  } finally {
    await session.close();
  }
}
