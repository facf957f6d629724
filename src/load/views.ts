import type { Catalog } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import type { Session } from '../postgres/session.js';

export interface RefusedView {
  readonly view: string;
  /** What the cluster says. */
  readonly reason: string;
}

/**
 * The views that exist on the cluster but cannot be queried there, such as one that joins without the distribution
 * column: Citus refuses the query, not the view's creation. They are planned, not run.
 */
export async function refusedViews(
  session: Session,
  catalog: Pick<Catalog, 'views'>,
): Promise<RefusedView[]> {
  const refused: RefusedView[] = [];
  for (const view of catalog.views.filter((each) => !each.materialized)) {
    try {
      await session.query(`EXPLAIN SELECT * FROM ${qualified(view)}`, `query view ${displayName(view)}`);
    } catch (error) {
      if (!(error instanceof MigrateError) || error.code !== 'SERVER_ERROR') throw error;
      refused.push({ view: displayName(view), reason: error.message });
    }
  }
  return refused;
}
