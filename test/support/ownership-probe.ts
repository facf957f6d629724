import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type ClientUrls, COMMON } from './clients.js';

const GUARDED = `SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'citus_migrate_guard_insert'`;

/**
 * Asks both sides at one moment whether they would take a write of a namespace: the source's answer is held by an
 * open transaction while every node of the cluster is asked. Both may never say yes. Nothing is committed.
 */
export class OwnershipProbe {
  readonly #sessions = new Map<string, pg.Client>();
  #guarded: ReadonlySet<string> = new Set();
  #stop = false;
  #running: Promise<void> = Promise.resolve();
  /** Namespaces that two sides would have taken, with the node. */
  readonly twice: string[] = [];
  sweeps = 0;
  /** Answers that nobody gave, because a server was away. */
  silent = 0;

  constructor(
    private readonly urls: ClientUrls,
    private readonly namespaces: readonly string[],
  ) {}

  start(): void {
    this.#stop = false;
    this.#running = this.#run();
    this.#running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
  }

  async close(): Promise<void> {
    await this.stop().catch(() => {});
    await Promise.all([...this.#sessions.values()].map((client) => client.end().catch(() => {})));
  }

  /** Sides that would take a write of each namespace now; a node of the cluster that would is enough. */
  async sweep(): Promise<Record<string, string[]>> {
    const open: Record<string, string[]> = {};
    // Until there are guards nobody keeps the application from the cluster, and it does not know of it either.
    this.#guarded =
      (await this.#on(this.urls.target[0]!, async (client) => {
        const { rows } = await client.query<{ name: string }>(GUARDED);
        return new Set(rows.map(({ name }) => name));
      })) ?? this.#guarded;
    for (const namespace of this.namespaces) {
      const [table, column] = namespace === COMMON ? ['setting', 'scope'] : ['doc', 'namespace'];
      const sides: string[] = [];
      const takes = async (url: string, behind?: () => Promise<void>): Promise<boolean> =>
        (await this.#on(url, async (client) => {
          await client.query('BEGIN');
          try {
            await client.query(`INSERT INTO ${table} (id, ${column}, key) VALUES (-1, $1, 'probe')`, [
              namespace,
            ]);
            await behind?.();
            return true;
          } finally {
            await client.query('ROLLBACK');
          }
        })) ?? false;
      const target = async (): Promise<void> => {
        if (!this.#guarded.has(table)) return;
        for (const url of this.urls.target) if (await takes(url)) sides.push(`target ${url}`);
      };
      const source = await takes(this.urls.source, target);
      if (source) {
        for (const side of sides) this.twice.push(`${namespace}: source and ${side}`);
        sides.unshift('source');
      } else await target();
      open[namespace] = sides;
    }
    this.sweeps += 1;
    return open;
  }

  async #run(): Promise<void> {
    while (!this.#stop) {
      await this.sweep();
      await pause(120);
    }
  }

  /** undefined: the node does not answer, or refuses. */
  async #on<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T | undefined> {
    let client = this.#sessions.get(url);
    try {
      if (client === undefined) {
        const opened = new pg.Client({ connectionString: url });
        client = opened;
        opened.on('error', () => this.#sessions.delete(url));
        await opened.connect();
        this.#sessions.set(url, opened);
      }
      return await work(client);
    } catch (error) {
      if (/^CM00[12]$/.test((error as { code?: string }).code ?? '')) return undefined;
      this.silent += 1;
      this.#sessions.delete(url);
      client?.end().catch(() => {});
      return undefined;
    }
  }
}
