import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { untaken } from './standing.js';
import { lastPhase, readStanding, type SideStanding } from './status.js';

/** Whether a side keeps anything of a migration. */
export const isTraced = ({ phases, ownership, loaded, shim }: SideStanding): boolean =>
  phases.length > 0 || ownership !== undefined || loaded.size > 0 || shim !== null;

/**
 * Where no unit has to come back: whether that is all there is to do. False: an earlier attempt has to be brought to
 * its end. Throws PHASE_REFUSED where nobody can tell who takes the writes, for a migration that was finished is
 * known to neither side. Reads only.
 */
export async function nothingToBring(
  source: Database,
  target: Database,
  tables: readonly TablePlan[],
): Promise<boolean> {
  const [here, there] = [await readStanding(source), await readStanding(target)];
  if (isTraced(here) || isTraced(there)) {
    const open = untaken(here.ownership ?? [], there.ownership ?? []);
    return open.length === 0 && lastPhase([here, there])?.phase !== 'rolling-back';
  }
  const filled = await filledTable(target, tables);
  if (filled === undefined) return true;
  throw new MigrateError('PHASE_REFUSED', {
    message: `Neither side keeps anything of a migration, but the target holds rows of ${filled}: the migration was finished, or these rows came from elsewhere, and who takes the writes is not known here`,
    hint: 'After `migrate finish` there is no rollback. To bring the rows of a cluster into an empty single node: `migrate copy --reverse --source URL`.',
    context: { table: filled },
  });
}

/** A planned table of the target that holds rows; undefined: there is none. */
async function filledTable({ session }: Database, tables: readonly TablePlan[]): Promise<string | undefined> {
  for (const table of tables) {
    const name = qualified(table);
    const { made } = await session.one<{ made: boolean }>(
      `SELECT to_regclass(${quoteLiteral(name)}) IS NOT NULL AS made`,
    );
    if (!made) continue;
    const rows = await session.query(`SELECT 1 FROM ${name} LIMIT 1`, `look for rows of ${table.table}`);
    if (rows.length > 0) return displayName(table);
  }
  return undefined;
}
