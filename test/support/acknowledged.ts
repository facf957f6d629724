import type pg from 'pg';
import { connectTo } from './databases.js';

/** A row that the application was told to be there, as both sides show it. */
export type Acknowledged = ReadonlyMap<string, string>;

interface Writer {
  readonly source: pg.Client;
  readonly target: pg.Client;
}

/** A write that no side has taken is given up. */
class Stopped extends Error {}

/** SQLSTATEs of the guards: the other side owns it; nobody may write for the moment. */
const OTHER_SIDE = 'CM001';
const HELD_UP = 'CM002';

/**
 * Clients of an application that know nothing but the guards' answers: each writes rows of its own, to whichever side
 * takes them, and remembers those whose commit was acknowledged. Written without the product, so that it can be
 * compared with both sides.
 */
export class Application {
  readonly #acknowledged = new Map<string, string>();
  readonly #where = new Map<string, 'source' | 'target'>();
  #stop = false;
  #running: Promise<unknown> = Promise.resolve();
  /** Longest time that one write took, ms. */
  longest = 0;
  writes = 0;

  private constructor(
    private readonly writers: readonly Writer[],
    private readonly namespaces: readonly string[],
  ) {}

  static async open(
    urls: { readonly source: string; readonly target: string },
    writers: number,
    namespaces: readonly string[],
  ): Promise<Application> {
    const open = async (): Promise<Writer> => ({
      source: await connectTo(urls.source),
      target: await connectTo(urls.target),
    });
    return new Application(await Promise.all(Array.from({ length: writers }, open)), namespaces);
  }

  start(): void {
    this.#stop = false;
    const run = (writer: Writer, number: number): Promise<void> =>
      this.#run(writer, number).catch((error: unknown) => {
        if (!(error instanceof Stopped)) throw error;
      });
    this.#running = Promise.all(this.writers.map(run));
    this.#running.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
  }

  /** key → note, of rows that have to be there; nothing else may be. */
  get acknowledged(): Acknowledged {
    return this.#acknowledged;
  }

  async #run(writer: Writer, number: number): Promise<void> {
    for (let turn = 1; !this.#stop; turn += 1) {
      const namespace = this.namespaces[(turn * 7 + number) % this.namespaces.length]!;
      const key = `w${number}-${this.writes}-${turn}`;
      const startedAt = Date.now();
      await this.#write(writer, namespace, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          'INSERT INTO doc (namespace, key, note) VALUES ($1, $2, $3) RETURNING id',
          [namespace, key, 'new'],
        );
        return () => void this.#acknowledged.set(`${namespace}/${key}`, `${rows[0]!.id} new`);
      });
      if (turn % 3 === 0)
        await this.#write(writer, namespace, async (client) => {
          const { rows } = await client.query<{ id: string }>(
            `UPDATE doc SET note = 'changed' WHERE namespace = $1 AND key = $2 RETURNING id`,
            [namespace, key],
          );
          return () => void this.#acknowledged.set(`${namespace}/${key}`, `${rows[0]!.id} changed`);
        });
      if (turn % 5 === 0)
        await this.#write(writer, namespace, async (client) => {
          await client.query('DELETE FROM doc WHERE namespace = $1 AND key = $2', [namespace, key]);
          return () => void this.#acknowledged.delete(`${namespace}/${key}`);
        });
      this.longest = Math.max(this.longest, Date.now() - startedAt);
      this.writes += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Until some side takes it. What was refused was not written. */
  async #write(
    writer: Writer,
    namespace: string,
    work: (client: pg.Client) => Promise<() => void>,
  ): Promise<void> {
    for (;;) {
      const side = this.#where.get(namespace) ?? 'source';
      try {
        (await work(writer[side]))();
        return;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === OTHER_SIDE) this.#where.set(namespace, side === 'source' ? 'target' : 'source');
        else if (code !== HELD_UP) throw error;
        // A move that died may have left workers held: whoever is refused lets them follow the coordinator.
        else if (side === 'target') await writer.target.query('SELECT citus_migrate.settle_owners()');
        if (this.#stop) throw new Stopped();
        // Both answers are about the moment: an application waits a little and asks again.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }
}

/** All rows of `doc` on one side, as Application remembers them. */
export async function docsOf(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; value: string }>(
    `SELECT namespace || '/' || key AS name, id || ' ' || note AS value FROM doc WHERE key LIKE 'w%'`,
  );
  const found = new Map(rows.map(({ name, value }) => [name, value]));
  if (found.size !== rows.length) throw new Error(`${rows.length - found.size} rows are there twice`);
  return found;
}

/** Namespace → the sides on which a write of it is not refused now. */
export async function ownersOfDocs(
  clients: Readonly<Record<'source' | 'target', pg.Client>>,
  namespaces: readonly string[],
): Promise<Record<string, string[]>> {
  const open: Record<string, string[]> = Object.fromEntries(namespaces.map((name) => [name, []]));
  for (const [side, client] of Object.entries(clients)) {
    for (const namespace of namespaces) {
      await client.query('BEGIN');
      await client
        .query(`INSERT INTO doc (id, namespace, key) VALUES (-1, $1, 'probe')`, [namespace])
        .then(() => open[namespace]!.push(side))
        .catch(() => {});
      await client.query('ROLLBACK');
    }
  }
  return open;
}
