import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { ruling, type Side } from '../core/ownership.js';
import { mergeOwnership, ownershipOf, readOwnership } from './standing.js';

/**
 * The one side that takes every write, or every write to these namespaces. Throws PHASE_REFUSED where each takes some:
 * there is no moment at which both are the same, for what one has just written is not on the other yet.
 */
export async function writingSide(
  { source, target }: { readonly source: Database; readonly target: Database },
  namespaces: readonly string[],
): Promise<Side> {
  const rows = mergeOwnership(await readOwnership(source.session), await readOwnership(target.session));
  const known = new Map(rows.map((row) => [row.unit, row]));
  const owners = new Set(namespaces.map((namespace) => ruling(known, namespace)?.owner ?? 'source'));
  if (owners.size === 1) return [...owners][0]!;
  const { moved, units } = ownershipOf(rows);
  if (owners.size === 0 && (moved === 0 || moved === units)) return moved === 0 ? 'source' : 'target';
  const some = namespaces.length > 0;
  throw new MigrateError('PHASE_REFUSED', {
    message: some
      ? 'Some of these namespaces are written on the source and some on the target: there is no one moment to compare'
      : `Both sides take writes (${moved} of ${units} parts belong to the target): there is no one moment to compare`,
    hint: some
      ? 'Name those of one side alone: `migrate verify --live --namespaces a,b`.'
      : 'Compare namespaces of one side at a time (`migrate verify --live --namespaces a,b`), or everything once it is written on one side (`migrate cutover`, or `migrate rollback`). Meanwhile every pass of `migrate sync` is compared before it commits.',
    context: { moved, units },
  });
}
