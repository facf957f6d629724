import { COMMON, laterOf, namespaceOf, type OwnershipRow } from '../core/ownership.js';
import type { Ownership } from '../core/phases.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Who owns the writes, as this side has it; undefined: it does not keep that. Reads only. */
export async function readOwnership(session: Session): Promise<OwnershipRow[] | undefined> {
  const { made } = await session.one<{ made: boolean }>(
    `SELECT to_regclass('citus_migrate.ownership') IS NOT NULL AS made`,
  );
  if (!made) return undefined;
  type Row = Omit<OwnershipRow, 'epoch' | 'blockedUntil'> & { epoch: string; blockedUntil: number | null };
  const rows = await session.query<Row>(sql('dualwrite/owner-read'), 'read who owns the writes');
  return rows.map((row) => ({ ...row, epoch: Number(row.epoch) }));
}

/** What both sides say together: of each unit the later move counts. */
export function mergeOwnership(
  source: readonly OwnershipRow[] | undefined,
  target: readonly OwnershipRow[] | undefined,
): OwnershipRow[] {
  const other = new Map((target ?? []).map((row) => [row.unit, row]));
  const here = new Map((source ?? []).map((row) => [row.unit, row]));
  return [...new Set([...here.keys(), ...other.keys()])].flatMap((unit) => {
    const row = laterOf(here.get(unit), other.get(unit));
    return row === undefined ? [] : [row];
  });
}

/** Named units count where they have been moved by themselves. */
const counts = ({ unit, epoch }: OwnershipRow): boolean => namespaceOf(unit) === undefined || epoch > 0;

export function ownershipOf(rows: readonly OwnershipRow[]): Ownership {
  const units = rows.filter(counts);
  return { moved: units.filter(({ owner }) => owner === 'target').length, units: units.length };
}

/** The share that the target owns, in per cent, and the namespaces that were moved by their names. */
export function shareOf(rows: readonly OwnershipRow[]): {
  readonly share: number;
  readonly named: Readonly<Record<string, OwnershipRow['owner']>>;
} {
  const moved = rows.filter(({ owner }) => owner === 'target');
  const buckets = moved.filter(({ unit }) => unit !== COMMON && namespaceOf(unit) === undefined);
  const named = rows.filter((row) => namespaceOf(row.unit) !== undefined && counts(row));
  return {
    share: buckets.length,
    named: Object.fromEntries(named.map(({ unit, owner }) => [namespaceOf(unit)!, owner])),
  };
}

/** Units that one side has given away and the other has not taken yet, by the number of the move. */
export function untaken(
  source: readonly OwnershipRow[],
  target: readonly OwnershipRow[],
): { readonly to: OwnershipRow['owner']; readonly epoch: number; readonly units: readonly string[] }[] {
  const moves = new Map<string, { to: OwnershipRow['owner']; epoch: number; units: string[] }>();
  for (const [giver, taker] of [
    ['source', 'target'],
    ['target', 'source'],
  ] as const) {
    const [rows, others] = giver === 'source' ? [source, target] : [target, source];
    const known = new Map(others.map((row) => [row.unit, row]));
    for (const { unit, owner, epoch } of rows) {
      if (owner !== taker || (known.get(unit)?.epoch ?? -1) >= epoch || epoch === 0) continue;
      const move = moves.get(`${taker} ${epoch}`) ?? { to: taker, epoch, units: [] };
      moves.set(`${taker} ${epoch}`, move);
      move.units.push(unit);
    }
  }
  return [...moves.values()].sort((one, other) => one.epoch - other.epoch);
}
