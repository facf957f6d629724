import pg from 'pg';
import type { Server } from '../../src/demo/servers/index.js';
import { below, type Random } from './histories.js';

type Mode = 'block_writes' | 'force_logical';

/** What happens to servers and shards in the middle of histories, beside writers and passes. */
export class Upheavals {
  readonly seen = { restarts: 0, moves: 0, movesRefused: 0 };
  /** Why the last move was refused. */
  refusal: string | undefined;
  #disturbances = 0;
  #underWay: Promise<void> = Promise.resolve();

  /** `coordinator`: its URL; undefined: nothing is sharded. */
  constructor(private readonly coordinator: string | undefined) {}

  /** Grows when a server goes down, and again when it is back. */
  readonly disturbances = (): number => this.#disturbances;

  /** Everything that was begun has ended. */
  async settled(): Promise<void> {
    await this.#underWay;
  }

  /** A server goes down with all that is open on it, and comes back. One thing at a time. */
  restart(server: Server, random: Random): void {
    const killed = random() < 0.5;
    this.#begin(async () => {
      this.#disturbances += 1;
      await (killed ? server.kill9() : server.halt('immediate'));
      await server.resume();
      this.#disturbances += 1;
      this.seen.restarts += 1;
    });
  }

  /** A random shard goes to another node, with all that are colocated with it; refused where a lock is not granted. */
  move(random: Random, mode: Mode): void {
    const at = random();
    const cleans = random() < 0.5;
    this.#begin(() =>
      this.#onCoordinator(async (client) => {
        const { rows } = await client.query(
          `SELECT s.shardid, o.nodename, o.nodeport, n.nodename AS other, n.nodeport AS otherport
           FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node o USING (groupid)
           JOIN pg_dist_node n ON n.groupid <> 0 AND n.groupid <> o.groupid
           WHERE s.logicalrelid = 'account'::regclass ORDER BY s.shardid, n.groupid`,
        );
        const { shardid, nodename, nodeport, other, otherport } = rows[below(() => at, rows.length)];
        await client.query('SELECT citus_move_shard_placement($1, $2, $3, $4, $5, $6)', [
          shardid,
          nodename,
          nodeport,
          other,
          otherport,
          mode,
        ]);
        this.seen.moves += 1;
        // At once, and not after 15 s: a pass may have read the shard map before.
        if (cleans) await client.query('CALL citus_cleanup_orphaned_resources()');
      }),
    );
  }

  /** Shards are spread over all nodes, such as one that has just joined. */
  rebalance(): void {
    this.#begin(() =>
      this.#onCoordinator(async (client) => {
        const before = await this.#placements(client);
        await client.query(`SELECT rebalance_table_shards('account', shard_transfer_mode => 'block_writes')`);
        this.seen.moves += (await this.#placements(client)) === before ? 0 : 1;
      }),
    );
  }

  async #placements(client: pg.Client): Promise<string> {
    const { rows } = await client.query(
      `SELECT string_agg(concat_ws(' ', shardid, groupid), ',' ORDER BY shardid, groupid) AS all FROM pg_dist_placement`,
    );
    return rows[0].all;
  }

  async #onCoordinator(work: (client: pg.Client) => Promise<void>): Promise<void> {
    const client = new pg.Client({ connectionString: this.coordinator! });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query(`SET lock_timeout = '2s'`);
      await work(client);
    } catch (error) {
      // What was half done is taken away by the next one that ends well.
      this.seen.movesRefused += 1;
      this.refusal = (error as Error).message;
    } finally {
      await client.end().catch(() => {});
    }
  }

  #begin(work: () => Promise<void>): void {
    this.#underWay = this.#underWay.then(work);
    this.#underWay.catch(() => {});
  }
}
