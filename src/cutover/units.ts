import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import { ALL_UNITS, namedUnit, type OwnershipRow, ruling, unitsToMove } from '../core/ownership.js';
import type { MoveDirection } from './move.js';
import { mergeOwnership, readOwnership, shareOf } from './standing.js';

/** What is to be owned by the target afterwards. */
export interface Aim {
  readonly direction: MoveDirection;
  readonly share: number;
  /** Namespaces that move by their names; empty: the share counts. */
  readonly namespaces: readonly string[];
}

const UNTOUCHED: readonly OwnershipRow[] = ALL_UNITS.map((unit) => ({
  unit,
  owner: 'source',
  epoch: 0,
  blockedUntil: null,
}));

/** Units that have to move, by the rows of the side that gives. Throws PHASE_REFUSED for a share in the other direction. */
export function unitsOf(aim: Aim, rows: readonly OwnershipRow[] = UNTOUCHED): readonly string[] {
  const { direction, share, namespaces } = aim;
  const from = direction === 'forward' ? 'source' : 'target';
  if (namespaces.length > 0) {
    const known = new Map(rows.map((row) => [row.unit, row]));
    return namespaces
      .filter((namespace) => (ruling(known, namespace)?.owner ?? 'source') === from)
      .map(namedUnit);
  }
  const { toTarget, toSource } = unitsToMove(rows, share);
  const [moving, other] = direction === 'forward' ? [toTarget, toSource] : [toSource, toTarget];
  if (other.length === 0) return moving;
  const now = shareOf(rows).share;
  const command = direction === 'forward' ? 'rollback' : 'cutover';
  throw new MigrateError('PHASE_REFUSED', {
    message: `The target owns ${now} % of the namespaces, and ${share} % is in the other direction`,
    hint: `Use \`migrate ${command} --share ${share}\`.`,
    context: { share: now },
  });
}

/**
 * The same, read from both sides: what one has given away and the other not opened yet is opened before it moves.
 * Reads only.
 */
export async function readUnits(aim: Aim, source: Database, target: Database): Promise<readonly string[]> {
  const rows = mergeOwnership(await readOwnership(source.session), await readOwnership(target.session));
  return unitsOf(aim, rows.length > 0 ? rows : undefined);
}
