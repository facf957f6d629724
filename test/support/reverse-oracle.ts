import pg from 'pg';
import { expect } from 'vitest';
import type { ReverseMoment } from '../../src/dualwrite/reverse-moment.js';

/** Columns of the original, by table: what the cluster added does not go back. */
const COLUMNS: Readonly<Record<string, string>> = {
  account: 'id, namespace, name',
  event: 'id, day, namespace, what',
  item: 'id, account_id, kind_id, note',
  kind: 'id, label',
  part: 'id, item_id, note',
};
const PINNED = `SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3`;
const line = (columns: string): string => `ROW(${columns})::text COLLATE "C"`;

interface NodeReader {
  readonly name: string;
  readonly client: pg.Client;
  /** Every row of this node's shards, one line each behind the name of its table. */
  readonly rows: string;
}

/** Compares the single node row by row with the shards of a cluster, which it reads by hand-written queries. */
export class ReverseOracle {
  private constructor(
    private readonly source: pg.Client,
    private readonly nodes: readonly NodeReader[],
  ) {}

  /** `urls`: the coordinator's first. No shard may move while it is used. */
  static async open(sourceUrl: string, urls: readonly string[]): Promise<ReverseOracle> {
    const clients = await Promise.all([sourceUrl, ...urls].map((url) => connect(url)));
    const [source, coordinator] = clients as [pg.Client, pg.Client];
    const { rows: shards } = await coordinator.query<{
      table: string;
      shard: string;
      node: string;
      ref: boolean;
    }>(
      `SELECT table_name::text AS table, shard_name AS shard, nodename || ':' || nodeport AS node, citus_table_type = 'reference' AS ref
       FROM citus_shards WHERE table_name::text = ANY ($1)`,
      [Object.keys(COLUMNS)],
    );
    const nodes = urls.map((url, index) => {
      const { host } = new URL(url);
      const mine = shards.filter((each) => each.node === host && (!each.ref || index === 0));
      const rows = mine.map(
        ({ table, shard }) => `SELECT '${table} ' || ${line(COLUMNS[table]!)} AS line FROM ${shard}`,
      );
      return { name: host, client: clients[index + 1]!, rows: rows.join(' UNION ALL ') };
    });
    return new ReverseOracle(source, nodes);
  }

  /** The single node holds what the cluster held at that moment, or holds now, in every table. */
  async expectEqual(note: string, moment?: ReverseMoment): Promise<void> {
    const wanted = await Promise.all(this.nodes.map((node) => read(node, moment)));
    const parts = Object.entries(COLUMNS).map(
      ([table, columns]) => `SELECT '${table} ' || ${line(columns)} AS line FROM ${table}`,
    );
    const { rows } = await this.source.query<{ line: string }>(parts.join(' UNION ALL '));
    expect({ note, rows: rows.map((row) => row.line).sort() }).toEqual({ note, rows: wanted.flat().sort() });
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.source, ...this.nodes.map(({ client }) => client)].map((one) => one.end().catch(() => {})),
    );
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.query(PINNED);
  return client;
}

async function read({ name, client, rows }: NodeReader, moment?: ReverseMoment): Promise<string[]> {
  if (rows === '') return [];
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    if (moment !== undefined) {
      const at = moment.nodes.find(({ node }) => node.name === name)!;
      await client.query(`SET TRANSACTION SNAPSHOT '${at.exported}'`);
    }
    const found = await client.query<{ line: string }>(rows);
    return found.rows.map((row) => row.line);
  } finally {
    await client.query('COMMIT');
  }
}
