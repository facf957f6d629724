import type { Named } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Rules that the target keeps by itself, so that no row of it has to be looked at. */
export interface Kept {
  /** `definition`: of a check its text, of a foreign key its name, of a column that is never NULL the column's. */
  has(table: Named, kind: 'check' | 'foreign' | 'not null', definition: string): boolean;
}

export async function readKept(session: Session): Promise<Kept> {
  type Row = { schema: string; table: string; kind: string; definition: string };
  const rows = await session.query<Row>(sql('cutover/kept-rules'), 'read the rules of the target');
  const nameOf = (table: Named, kind: string, definition: string): string =>
    JSON.stringify([qualified(table), kind, definition]);
  const known = new Set(
    rows.map(({ schema, table, kind, definition }) => nameOf({ schema, name: table }, kind, definition)),
  );
  return { has: (table, kind, definition) => known.has(nameOf(table, kind, definition)) };
}
