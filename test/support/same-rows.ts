import type pg from 'pg';
import { type SortedCopy, sortedCopy } from './sorted-copy.js';

/** Name of a table (quoted, with schema) → its sorted COPY, of the columns that the first database has. */
export type Contents = Record<string, SortedCopy>;

interface Shape {
  readonly table: string;
  readonly columns: string;
  /** What tells its rows apart, as SQL: the primary key, else every column. */
  readonly key: string;
}

/** Every user table of a database, partitions under their root, with its columns as SQL. */
export async function shapesOf(client: pg.Client): Promise<Shape[]> {
  const { rows } = await client.query<Omit<Shape, 'key'> & { key: string | null }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS table,
           (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attname)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
           (SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attname)
            FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
            WHERE i.indrelid = c.oid AND i.indisprimary) AS key
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'citus_migrate', 'citus', 'citus_internal')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1`);
  return rows.map((row) => ({ ...row, key: row.key ?? row.columns }));
}

/** The sorted COPY of every table of `shapes` in the database at `url`. */
export async function contentsOf(url: string, shapes: readonly Shape[]): Promise<Contents> {
  const contents: Contents = {};
  for (const { table, columns, key } of shapes) {
    contents[table] = await sortedCopy(
      url,
      `SELECT ${columns} FROM ${table} ORDER BY (ROW(${key}))::text COLLATE "C"`,
    );
  }
  return contents;
}
