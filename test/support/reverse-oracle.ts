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

/** Where the shards lie, by plain SQL: the coordinator's catalog is read under the same snapshot as the rows. */
const PLACES = `
  SELECT c.relname::text AS table, c.relname || '_' || s.shardid AS shard, n.nodename || ':' || n.nodeport AS node
  FROM pg_dist_shard s JOIN pg_dist_partition d USING (logicalrelid) JOIN pg_class c ON c.oid = s.logicalrelid
  JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
  WHERE c.relname = ANY ($1) AND (d.repmodel <> 't' OR n.groupid = 0)`;

interface NodeReader {
  /** `host:port`. */
  readonly name: string;
  readonly client: pg.Client;
}

/** Compares the single node row by row with the shards of a cluster, which it reads by hand-written queries. */
export class ReverseOracle {
  private constructor(
    private readonly source: pg.Client,
    private readonly nodes: readonly NodeReader[],
  ) {}

  /** `urls`: the coordinator's first. */
  static async open(sourceUrl: string, urls: readonly string[]): Promise<ReverseOracle> {
    const all = [sourceUrl, ...urls];
    const opened = await Promise.allSettled(all.map(connect));
    const clients = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = opened.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      throw failed.reason;
    }
    const [source, ...nodes] = clients as [pg.Client, ...pg.Client[]];
    return new ReverseOracle(
      source,
      nodes.map((client, index) => ({ name: new URL(urls[index]!).host, client })),
    );
  }

  /** The single node holds what the cluster held at that moment, or holds now, in every table. */
  async expectEqual(note: string, moment?: ReverseMoment): Promise<void> {
    const wanted = await this.#onNodes(moment);
    const parts = Object.entries(COLUMNS).map(
      ([table, columns]) => `SELECT '${table} ' || ${line(columns)} AS line FROM ${table}`,
    );
    const { rows } = await this.source.query<{ line: string }>(parts.join(' UNION ALL '));
    expect({ note, rows: rows.map((row) => row.line).sort() }).toEqual({ note, rows: wanted.sort() });
  }

  /** Every row of the shards, one line each behind the name of its table. */
  async #onNodes(moment?: ReverseMoment): Promise<string[]> {
    const begun = await Promise.all(this.nodes.map((node) => begin(node, moment)));
    try {
      const { rows: places } = await this.nodes[0]!.client.query(PLACES, [Object.keys(COLUMNS)]);
      const found = await Promise.all(
        this.nodes.map(async ({ name, client }) => {
          const parts = places
            .filter(({ node }) => node === name)
            .map(
              ({ table, shard }) => `SELECT '${table} ' || ${line(COLUMNS[table]!)} AS line FROM ${shard}`,
            );
          if (parts.length === 0) return [];
          const { rows } = await client.query<{ line: string }>(parts.join(' UNION ALL '));
          return rows.map((row) => row.line);
        }),
      );
      // No shard lies on a node that nobody asked.
      expect(new Set(this.nodes.map(({ name }) => name))).toEqual(
        new Set([...this.nodes.map(({ name }) => name), ...places.map(({ node }) => node)]),
      );
      return found.flat();
    } finally {
      await Promise.all(begun.map((client) => client.query('COMMIT').catch(() => {})));
    }
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

async function begin({ name, client }: NodeReader, moment?: ReverseMoment): Promise<pg.Client> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const at = moment?.nodes.find(({ node }) => node.name === name);
  if (at !== undefined) await client.query(`SET TRANSACTION SNAPSHOT '${at.exported}'`);
  else expect(moment).toBeUndefined();
  return client;
}
