import type pg from 'pg';
import { expect } from 'vitest';
import { connectTo, type FreshCluster, type FreshDatabase, freshSource } from './databases.js';
import { type Document, freshFolder, runJson } from './migrate.js';
import { contentsOf, shapesOf } from './same-rows.js';
import { schemaDump } from './schema-dump.js';

export type Side = 'source' | 'target';

/** One write of an application: its namespace (null: of none), and what it says on the side that takes it. */
export interface Write {
  readonly namespace: string | null;
  readonly sql: string | ((side: Side) => string);
}

/** Rows whose ids a sequence gave: they differ between two databases that took the same writes. */
export interface Numbered {
  readonly table: string;
  readonly id: string;
}

export interface TwinCase {
  /** The source's schema and rows, for the control. */
  fill(source: FreshDatabase): Promise<unknown>;
  readonly namespaces: readonly string[];
  readonly numbered: readonly Numbered[];
  writes(round: number): readonly Write[];
}

/** Statements of pg_dump, and their headings, that are about triggers of the product. */
const OWN =
  /^(CREATE (EVENT )?TRIGGER|ALTER (EVENT TRIGGER|TABLE \S+ ENABLE ALWAYS TRIGGER)|Name: .*; Type: (EVENT )?TRIGGER;?).*citus_migrate|Name: (\S+ )?citus_migrate_\w+; Type: (EVENT )?TRIGGER/;

/**
 * A database that is migrated, and a control: a single node that never saw `migrate`, and is told the same writes. Who
 * takes them is worked out here by what the documentation says of shares and names, not asked of the product.
 */
export class Twin {
  #share = 0;
  #named: readonly string[] = [];
  #round = 0;

  private constructor(
    readonly source: FreshDatabase,
    readonly target: FreshCluster,
    readonly control: FreshDatabase,
    readonly cwd: string,
    private readonly of: TwinCase,
    /** Namespace → its bucket, 0 to 99. */
    private readonly buckets: ReadonlyMap<string, number>,
  ) {}

  static async open(
    of: TwinCase,
    { source, target }: { source: FreshDatabase; target: FreshCluster },
    cwd = freshFolder(),
  ): Promise<Twin> {
    const control = await freshSource();
    await of.fill(control);
    const { rows } = await control.client.query<{ name: string; bucket: number }>(
      `SELECT n AS name, ((hashtext(n COLLATE "C")::bigint + 2147483648) % 100)::int AS bucket FROM unnest($1::text[]) n`,
      [of.namespaces],
    );
    return new Twin(source, target, control, cwd, of, new Map(rows.map((row) => [row.name, row.bucket])));
  }

  get sides(): string[] {
    return ['--source', this.source.url, '--target', this.target.url];
  }

  migrate(line: string, ...more: string[]): Promise<Document> {
    return runJson([...line.split(' '), ...this.sides, ...more], { cwd: this.cwd });
  }

  /** What the target owns from now on. */
  owned(share: number, named: readonly string[] = []): void {
    this.#share = share;
    this.#named = named;
  }

  sideOf(namespace: string | null): Side {
    const there =
      namespace === null
        ? this.#share === 100
        : this.#named.includes(namespace) || this.buckets.get(namespace)! < this.#share;
    return there ? 'target' : 'source';
  }

  /** Namespaces that the target owns, of those that are written to. */
  get there(): string[] {
    return this.of.namespaces.filter((namespace) => this.sideOf(namespace) === 'target');
  }

  /** The next round of writes: each where it is taken, and all of them on the control. Returns how many went to the target. */
  async write(): Promise<number> {
    this.#round += 1;
    let moved = 0;
    for (const { namespace, sql } of this.of.writes(this.#round)) {
      const side = this.sideOf(namespace);
      if (side === 'target') moved += 1;
      const at = (on: Side): string => (typeof sql === 'string' ? sql : sql(on));
      await told(this[side].client, at(side));
      await told(this.control.client, at('source'));
    }
    return moved;
  }

  /** The single node's catalog and rows are the control's, and its sequences go on behind every id. */
  async expectEqual(): Promise<void> {
    expect(await this.differences()).toEqual([]);
  }

  /**
   * The same as a list of what differs. With a migration that is not closed: apart from its schema, its triggers and
   * what tells of changes to the schema.
   */
  async differences(open?: string): Promise<string[]> {
    const except = open === undefined ? [] : ['--exclude-schema=citus_migrate'];
    const dump = (url: string): string => {
      const statements = schemaDump(url, ...except)!
        .split('\n\n')
        .map((one) => one.trim());
      return statements.filter((one) => one !== '' && (open === undefined || !OWN.test(one))).join('\n\n');
    };
    const [found, wanted] = [dump(this.source.url), dump(this.control.url)];
    const different: string[] = [];
    if (found !== wanted) different.push(...lines(found, wanted));
    const numbered = new Map(this.of.numbered.map(({ table, id }) => [table, id]));
    const shapes = (await shapesOf(this.control.client)).map((shape) => {
      const id = numbered.get(shape.table);
      if (id === undefined) return shape;
      const columns = shape.columns.split(', ').filter((name) => name !== id);
      return { ...shape, columns: columns.join(', '), key: columns.join(', ') };
    });
    const rows = await contentsOf(this.control.url, shapes);
    const here = await contentsOf(this.source.url, shapes);
    for (const [table, copy] of Object.entries(rows))
      if (here[table]!.sha256 !== copy.sha256)
        different.push(`${table}: ${here[table]!.rows} rows, ${copy.rows} on the control, not the same`);
    for (const { table, id } of this.of.numbered) {
      const { rows: twice } = await this.source.client.query(
        `SELECT count(*)::int AS n FROM (SELECT FROM ${table} GROUP BY ${id} HAVING count(*) > 1) d`,
      );
      if (twice[0].n > 0) different.push(`${table}: ${twice[0].n} ids are there twice`);
    }
    const late = await lateSequences(this.control.client);
    different.push(...(await lateSequences(this.source.client)).filter((one) => !late.includes(one)));
    return different;
  }
}

/** Sequences that would give out an id which is there already; also where an application chooses ids by itself. */
async function lateSequences(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ sequence: string; table: string; column: string }>(
    `SELECT s.oid::regclass::text AS sequence, t.oid::regclass::text AS table, quote_ident(a.attname) AS column
       FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
       JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
       WHERE s.relkind = 'S' AND d.refclassid = 'pg_class'::regclass ORDER BY 1`,
  );
  const late: string[] = [];
  for (const { sequence, table, column } of rows) {
    const { rows: next } = await client.query(
      `SELECT nextval('${sequence}') > coalesce((SELECT max(${column}) FROM ${table}), 0) AS ahead`,
    );
    if (!next[0].ahead) late.push(`${sequence}: its next value is not behind every id`);
  }
  return late;
}

/** Says what was written when it is refused. */
async function told(client: pg.Client, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${sql}`, { cause: error });
  }
}

/** Lines that only one of two texts has. */
function lines(found: string, wanted: string): string[] {
  const count = (text: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const line of text.split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  };
  const [here, there] = [count(found), count(wanted)];
  const only = (one: Map<string, number>, other: Map<string, number>, sign: string): string[] =>
    [...one].filter(([line, n]) => n > (other.get(line) ?? 0)).map(([line]) => `${sign} ${line}`);
  return [...only(here, there, '+'), ...only(there, here, '-')];
}

/** Reads rows of one database by a statement of the test's own. */
export async function rowsOf(url: string, select: string): Promise<Document[]> {
  const client = await connectTo(url);
  try {
    return (await client.query(select)).rows;
  } finally {
    await client.end();
  }
}
