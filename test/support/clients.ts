import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

type Side = 'source' | 'target';

/** Namespace that stands for rows of none: those of the reference table. */
export const COMMON = '*';

export interface ClientUrls {
  readonly source: string;
  /** The coordinator's first, then each worker's. */
  readonly target: readonly string[];
}

/** What a key has to be: one of these; null: absent. More than one: nobody knows whether a write was committed. */
type Allowed = readonly (string | null)[];

interface Event {
  readonly side: Side;
  readonly from: number;
  readonly to: number;
}

/** SQLSTATEs of the guards: the other side owns it; nobody may write for the moment. */
const OTHER_SIDE = 'CM001';
const HELD_UP = 'CM002';
/** A transaction that the server has taken back: it can be repeated. */
const TAKEN_BACK = new Set(['40001', '40P01', '55P03']);
/** The server, or one behind it, has gone away: classes of SQLSTATEs, and what the system says of connections. */
const LOST = /^(08|57P|58030|XX000|E[A-Z]+)|^$/;

/** Rows of namespaces, and those of none: the plan makes a reference table of the second. */
const DOC = { table: 'doc', column: 'namespace', id: 'DEFAULT' };
const SETTING = { table: 'setting', column: 'scope', id: '(random() * 2000000000)::int' };

/**
 * An application's clients, one for each namespace, that know nothing of the product but the five lines of
 * docs/router.md: to whoever takes a write they write, on the cluster through each node in turn. They outlive servers,
 * and remember what was acknowledged, what was refused, and when. Written without the product.
 */
export class Clients {
  readonly #sessions = new Map<string, pg.Client>();
  readonly #rows = new Map<string, Allowed>();
  readonly #where = new Map<string, Side>();
  readonly #events = new Map<string, Event[]>();
  /** Since when a namespace is refused, by whoever asked. */
  readonly #closed = new Map<string, number>();
  readonly #writers: Promise<void>[] = [];
  #stop = false;
  #broken: unknown;
  #backAt = 0;
  #down = false;
  /** Longest time for which nobody took the writes of a namespace while all servers were there, ms. */
  longestMs = 0;
  writes = 0;
  /** Writes of which nobody knows whether they were committed: a server went away. */
  uncertain = 0;
  /** Whether they bring to its end what a dead process has left, as the fifth line says. */
  helps = true;

  constructor(
    private readonly urls: ClientUrls,
    private readonly namespaces: readonly string[],
  ) {}

  /** Begins to write keys of this prefix; everything that was remembered before is forgotten. */
  start(prefix: string): void {
    this.#stop = false;
    this.#rows.clear();
    this.#events.clear();
    this.#broken = undefined;
    this.#closed.clear();
    this.longestMs = 0;
    this.#backAt = Date.now();
    for (const [number, namespace] of this.namespaces.entries()) {
      this.#writers.push(
        this.#run(namespace, prefix, number).catch((error: unknown) => {
          this.#broken ??= error;
        }),
      );
    }
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#writers.splice(0));
    if (this.#broken !== undefined) throw this.#broken;
  }

  async close(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#writers.splice(0));
    await Promise.all([...this.#sessions.values()].map((client) => client.end().catch(() => {})));
  }

  /** While a server is down its writers wait for it, which is nobody's pause. */
  serversDown(): void {
    this.#down = true;
  }

  serversBack(): void {
    this.#down = false;
    this.#backAt = Date.now();
  }

  /** Nothing keeps anybody from the cluster any more: the application goes on where it came from. */
  unguarded(): void {
    this.#where.clear();
  }

  /** From here on the time counts in which nobody takes a namespace: until now it was not to be expected. */
  countFromNow(): void {
    this.#backAt = Date.now();
  }

  /** Returns when a write of each namespace was taken that began after this call. */
  async untilTaken(withinMs: number): Promise<void> {
    const since = Date.now();
    const waiting = (): string[] =>
      this.namespaces.filter((name) => !this.#events.get(name)?.some(({ from }) => from >= since));
    while (waiting().length > 0) {
      if (this.#broken !== undefined) throw this.#broken;
      if (Date.now() - since > withinMs) throw new Error(`Nobody takes writes of ${waiting().join(', ')}`);
      await pause(10);
    }
  }

  /**
   * Namespaces that were written where they had gone from already: while writes move to `to`, whoever begins a write
   * after the first one that was taken there may not be taken on the other side.
   */
  late(to: Side): string[] {
    return [...this.#events].flatMap(([name, events]) => {
      const first = Math.min(...events.filter(({ side }) => side === to).map((event) => event.to));
      const late = events.filter(({ side, from }) => side !== to && from > first);
      return late.length === 0 ? [] : [`${name}: ${late.length} writes, ${late[0]!.from - first} ms behind`];
    });
  }

  /** What is wrong with the rows of one side, `namespace/key` → notes; empty: every acknowledged write is there once. */
  misses(found: ReadonlyMap<string, readonly string[]>): string[] {
    const wrong: string[] = [];
    for (const [name, allowed] of this.#rows) {
      const notes = found.get(name) ?? [];
      if (notes.length > 1) wrong.push(`${name} is there ${notes.length} times`);
      else if (!allowed.includes(notes[0] ?? null))
        wrong.push(`${name} is ${notes[0] ?? 'absent'}, and has to be ${allowed.join(' or ')}`);
    }
    for (const name of found.keys()) if (!this.#rows.has(name)) wrong.push(`${name} was never written`);
    return wrong;
  }

  /** So that a write can be left out of what is remembered, or made up: the check has to notice. */
  expect(name: string, note: string | null): void {
    this.#rows.set(name, [note]);
  }

  async #run(namespace: string, prefix: string, number: number): Promise<void> {
    const { table, column, id } = namespace === COMMON ? SETTING : DOC;
    const insert = `INSERT INTO ${table} (id, ${column}, key, note) VALUES (${id}, $1, $2, $3)`;
    for (let turn = 1; !this.#stop; turn += 1) {
      const key = `${prefix}-${turn}`;
      const where = `WHERE ${column} = $1 AND key = $2`;
      const known = await this.#write(namespace, key, 'new', insert, [namespace, key, 'new'], turn);
      if (known && turn % 3 === 0)
        await this.#write(
          namespace,
          key,
          'changed',
          `UPDATE ${table} SET note = 'changed' ${where}`,
          [namespace, key],
          turn,
        ); // prettier-ignore
      if (known && turn % 5 === 0)
        await this.#write(namespace, key, null, `DELETE FROM ${table} ${where}`, [namespace, key], turn);
      await pause(100 + 5 * number);
    }
  }

  /** Until some side takes it. False: the connection broke, and nobody knows whether it was committed. */
  async #write(
    namespace: string,
    key: string,
    becomes: string | null,
    text: string,
    values: readonly unknown[],
    turn: number,
  ): Promise<boolean> {
    const name = `${namespace}/${key}`;
    const before: Allowed = this.#rows.get(name) ?? [null];
    for (let attempt = 0; ; attempt += 1) {
      const side = this.#where.get(namespace) ?? 'source';
      const urls = side === 'source' ? [this.urls.source] : this.urls.target;
      const url = urls[(turn + attempt) % urls.length]!;
      const from = Date.now();
      const client = await this.#session(namespace, url);
      if (client === undefined) {
        if (this.#stop) return false;
        this.#refused(namespace, from);
        await pause(20);
        continue;
      }
      try {
        // Remembered as soon as it may have happened.
        this.#rows.set(name, [...new Set([...before, becomes])]);
        await client.query(text, values as unknown[]);
        this.#taken(namespace, side, from);
        this.#rows.set(name, [becomes]);
        return true;
      } catch (error) {
        const { code } = error as { code?: string };
        const refused = code === OTHER_SIDE || code === HELD_UP || TAKEN_BACK.has(code ?? '');
        this.#refused(namespace, from);
        if (!refused && !LOST.test(code ?? '')) throw error;
        if (!refused) {
          this.uncertain += 1;
          this.#forget(namespace, url, client);
          return false;
        }
        this.#rows.set(name, before);
        if (code === OTHER_SIDE) this.#where.set(namespace, side === 'source' ? 'target' : 'source');
        if (this.helps && code !== undefined) await this.#help(namespace, code).catch(() => {});
        if (this.#stop) return false;
        await pause(10);
      }
    }
  }

  #refused(namespace: string, at: number): void {
    if (!this.#closed.has(namespace)) this.#closed.set(namespace, at);
  }

  #taken(namespace: string, side: Side, from: number): void {
    const to = Date.now();
    const closed = this.#closed.get(namespace);
    if (closed !== undefined && !this.#down)
      this.longestMs = Math.max(this.longestMs, to - Math.max(closed, this.#backAt));
    this.#closed.delete(namespace);
    this.#events.set(namespace, [...(this.#events.get(namespace) ?? []), { side, from, to }]);
    this.writes += 1;
  }

  /** Lines 4 and 5: workers follow their coordinator, and what was given away is opened by whoever is refused. */
  async #help(namespace: string, code: string): Promise<void> {
    const urls = { source: this.urls.source, target: this.urls.target[0]! };
    const read = async (side: Side) => {
      const client = await this.#session(namespace, urls[side]);
      const { rows } = await client!.query<{ unit: string; owner: Side; epoch: string }>(
        `SELECT o.unit, o.owner, o.epoch FROM citus_migrate.ownership o
         WHERE o.unit = CASE WHEN $1 = '*' THEN '*' WHEN EXISTS
           (SELECT FROM citus_migrate.ownership n WHERE n.unit = 'n:' || $1 AND n.epoch > 0)
           THEN 'n:' || $1 ELSE citus_migrate.bucket_unit($1) END`,
        [namespace],
      );
      return rows[0]!;
    };
    if (code === HELD_UP) {
      const client = await this.#session(namespace, urls.target);
      await client!.query('SELECT citus_migrate.settle_owners()');
    }
    const [here, there] = [await read('source'), await read('target')];
    const [later, earlier] = Number(here.epoch) > Number(there.epoch) ? [here, there] : [there, here];
    if (later.unit !== earlier.unit || Number(later.epoch) === Number(earlier.epoch)) return;
    const client = await this.#session(namespace, urls[later.owner]);
    await client!.query('SELECT citus_migrate.take_over($1, $2)', [later.unit, later.epoch]);
  }

  /** The one connection of a namespace's client to a node; undefined: the node does not answer. */
  async #session(namespace: string, url: string): Promise<pg.Client | undefined> {
    const name = `${namespace} ${url}`;
    const open = this.#sessions.get(name);
    if (open !== undefined) return open;
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => this.#forget(namespace, url, client));
    try {
      await client.connect();
      this.#sessions.set(name, client);
      return client;
    } catch {
      await client.end().catch(() => {});
      return undefined;
    }
  }

  #forget(namespace: string, url: string, client: pg.Client): void {
    const name = `${namespace} ${url}`;
    if (this.#sessions.get(name) === client) this.#sessions.delete(name);
    client.end().catch(() => {});
  }
}
