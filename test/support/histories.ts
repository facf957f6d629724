import { Line } from './line.js';

/** mulberry32: a small seeded generator; the same seed gives the same history. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Random = () => number;
export const below = (random: Random, count: number): number => Math.floor(random() * count);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/** Few keys, so that transactions meet on them. */
const IDS = 14;

const id = (random: Random): number => 1 + below(random, IDS);
const namespace = (random: Random): string => `'ns${below(random, 5)}'`;
const uuid = (random: Random): string => `md5('${id(random)}')::uuid`;
const word = (random: Random): string => `'w${below(random, 1000)}'`;

/** Statements on the schema of follow-schema.ts, each with how often it comes. */
const STATEMENTS: readonly (readonly [weight: number, (random: Random) => string])[] = [
  [
    6,
    (r) =>
      `INSERT INTO account VALUES (${id(r)}, ${namespace(r)}, ${word(r)}) ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
  ],
  [3, (r) => `INSERT INTO account SELECT ${id(r)}, ${namespace(r)}, ${word(r)} ON CONFLICT DO NOTHING`],
  [4, (r) => `UPDATE account SET namespace = ${namespace(r)} WHERE id = ${id(r)}`],
  [3, (r) => `UPDATE account SET id = ${id(r)} WHERE id = ${id(r)}`],
  [3, (r) => `UPDATE account SET name = name || 'x' WHERE id % 3 = ${below(r, 3)}`],
  [3, (r) => `DELETE FROM account WHERE id = ${id(r)}`],
  [
    2,
    (r) => {
      const [a, b] = [id(r), id(r)];
      return `WITH one AS (SELECT name FROM account WHERE id = ${a}) UPDATE account SET name = 'swap' || id FROM one WHERE account.id IN (${a}, ${b})`;
    },
  ],
  [
    6,
    (r) =>
      `INSERT INTO item VALUES (${id(r)}, ${id(r)}, ${1 + below(r, 3)}, ${word(r)}) ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, note = excluded.note`,
  ],
  [4, (r) => `UPDATE item SET account_id = ${id(r)} WHERE id = ${id(r)}`],
  [2, (r) => `UPDATE item SET id = ${id(r)} WHERE id = ${id(r)}`],
  [3, (r) => `DELETE FROM item WHERE id = ${id(r)}`],
  [
    6,
    (r) =>
      `INSERT INTO part VALUES (${uuid(r)}, ${id(r)}, ${word(r)}) ON CONFLICT (id) DO UPDATE SET item_id = excluded.item_id, note = excluded.note`,
  ],
  [3, (r) => `UPDATE part SET item_id = ${id(r)} WHERE id = ${uuid(r)}`],
  [2, (r) => `DELETE FROM part WHERE item_id = ${id(r)}`],
  [
    5,
    (r) =>
      `INSERT INTO event VALUES (${id(r)}, ${1 + below(r, 2)}, ${namespace(r)}, ${word(r)}) ON CONFLICT (id, day) DO UPDATE SET what = excluded.what, namespace = excluded.namespace`,
  ],
  [3, (r) => `UPDATE event SET day = 3 - day WHERE id = ${id(r)}`],
  [2, (r) => `UPDATE event_${1 + below(r, 2)} SET namespace = ${namespace(r)} WHERE id = ${id(r)}`],
  [2, (r) => `DELETE FROM event_${1 + below(r, 2)} WHERE id % 4 = ${below(r, 4)}`],
  [
    2,
    (r) =>
      `INSERT INTO event SELECT g, 1 + g % 2, ${namespace(r)}, 'many' FROM generate_series(100, 260) g ON CONFLICT DO NOTHING`,
  ],
  [1, (r) => `UPDATE event SET namespace = ${namespace(r)} WHERE what = 'many'`],
  [2, (r) => `UPDATE kind SET label = ${word(r)} WHERE id = ${1 + below(r, 3)}`],
  [1, () => 'TRUNCATE part'],
  [1, (r) => `TRUNCATE event_${1 + below(r, 2)}`],
  [0.5, () => 'TRUNCATE account CASCADE'],
  [0.5, () => 'TRUNCATE event'],
];
const TOTAL = STATEMENTS.reduce((sum, [weight]) => sum + weight, 0);

/** What writers do: the statements of a step, in order. `none`: nothing that this writer may do now. */
export interface Scenario {
  /**
   * `whole`: nobody checks references for this writer, so it leaves the tables alone that have some. `repeatable`: its
   * transaction sees one snapshot. `claim`: false where another open transaction has claimed the same.
   */
  step(
    random: Random,
    writer: { readonly whole: boolean; readonly repeatable: boolean; claim(what: string): boolean },
  ): readonly string[];
  /** Before a transaction in which triggers do not fire. */
  readonly replica: readonly string[];
}

/** Writers on the single node: it keeps keys apart by itself. */
const SINGLE: Scenario = {
  step: (random, { whole }) => [statement(random, whole)],
  replica: ['SET LOCAL session_replication_role = replica'],
};

/** `whole`: nobody checks references for this writer, so it leaves the tables alone that have some. */
function statement(random: Random, whole: boolean): string {
  for (;;) {
    let left = random() * TOTAL;
    const [, build] = STATEMENTS.find(([weight]) => {
      left -= weight;
      return left < 0;
    })!;
    const text = build(random);
    if (!whole || /^(INSERT INTO|UPDATE|DELETE FROM) event/.test(text)) return text;
  }
}

/** What the writers of one history share. */
interface Shared {
  /** What open transactions have claimed, and whose it is. */
  readonly claims: Map<string, Writer>;
  /** A server went down: what became of transactions is not known before the history has ended. */
  unsure: boolean;
}

/** One connection that works through transactions of its own. */
class Writer {
  #open = false;
  #savepoints = 0;
  /** Ends late: its transaction stays open until the end of the history. */
  #long = false;
  /** Fires no triggers but the shim's. */
  #replica = false;
  #repeatable = false;

  constructor(
    private readonly line: Line,
    private readonly random: Random,
    readonly log: string[],
    private readonly name: string,
    private readonly scenario: Scenario,
    private readonly shared: Shared,
  ) {}

  async #run(text: string): Promise<void> {
    this.log.push(`${this.name}: ${text}`);
    await this.line.query(text);
  }

  async step(): Promise<void> {
    const { random } = this;
    if (!(await this.line.isOpen())) {
      // Its transaction went down with the server, or in a moment that nobody knows.
      this.#open = false;
      this.log.push(`${this.name}: its server is down`);
      return;
    }
    if (this.line.isNew()) this.#open = false;
    try {
      if (!this.#open) {
        this.#repeatable = random() < 0.3;
        await this.#run(this.#repeatable ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN');
        this.#open = true;
        this.#savepoints = 0;
        this.#long = random() < 0.15;
        this.#replica = random() < 0.1;
        if (this.#replica) for (const text of this.scenario.replica) await this.#run(text);
        return;
      }
      const dice = random();
      if (dice < 0.1) {
        this.#savepoints += 1;
        await this.#run('SAVEPOINT s');
      } else if (dice < 0.18 && this.#savepoints > 0) await this.#run('ROLLBACK TO SAVEPOINT s');
      else if (dice < 0.42 && !this.#long) await this.#end(random() < 0.8);
      else for (const text of this.#next()) await this.#run(text);
    } catch (error) {
      this.log.push(`${this.name}: ${(error as Error).message}`);
      await this.#recover();
    }
  }

  #next(): readonly string[] {
    return this.scenario.step(this.random, {
      whole: this.#replica,
      repeatable: this.#repeatable,
      claim: (what) => {
        const { claims } = this.shared;
        const owner = claims.get(what) ?? this;
        if (owner === this) claims.set(what, this);
        return owner === this;
      },
    });
  }

  /** A statement was refused, by a constraint or a lock: some go on from a savepoint. */
  async #recover(): Promise<void> {
    const back = this.#savepoints > 0 && this.random() < 0.5;
    if (
      back &&
      (await this.#run('ROLLBACK TO SAVEPOINT s').then(
        () => true,
        () => false,
      ))
    )
      return;
    await this.#end(false);
  }

  async #end(keep: boolean): Promise<void> {
    this.#open = false;
    try {
      await this.#run(keep ? 'COMMIT' : 'ROLLBACK');
    } catch (error) {
      this.log.push(`${this.name}: ${(error as Error).message}`);
      await this.line.query('ROLLBACK').catch(() => {});
    }
    const { claims, unsure } = this.shared;
    if (!unsure) for (const [what, owner] of claims) if (owner === this) claims.delete(what);
  }

  async finish(): Promise<void> {
    if (this.#open) await this.#end(this.random() < 0.7);
  }
}

/** Some writers on one database, of which at any step a random one takes its next step. */
export class Writers {
  readonly log: string[] = [];
  #shared: Shared = { claims: new Map(), unsure: false };

  private constructor(
    private readonly lines: readonly Line[],
    private readonly scenario: Scenario,
  ) {}

  /** One writer on each of the URLs. */
  static async open(urls: readonly string[], scenario = SINGLE): Promise<Writers> {
    const lines = urls.map((url) => new Line(url));
    for (const line of lines) if (!(await line.isOpen())) throw new Error(`${line.url} does not answer`);
    return new Writers(lines, scenario);
  }

  /** A server goes down: until the end of this history nobody brings again what somebody may have brought. */
  beUnsure(): void {
    this.#shared.unsure = true;
  }

  /** A history: `steps` steps, with `between` before each; at its end every transaction has ended. */
  async run(seed: number, steps: number, between: (random: Random) => Promise<void>): Promise<void> {
    this.log.length = 0;
    const random = seeded(seed);
    const shared: Shared = { claims: new Map(), unsure: false };
    this.#shared = shared;
    const writers = this.lines.map(
      (line, index) => new Writer(line, random, this.log, `w${index}`, this.scenario, shared),
    );
    for (let step = 0; step < steps; step += 1) {
      await between(random);
      await pick(random, writers).step();
    }
    for (const writer of writers) await writer.finish();
  }

  async close(): Promise<void> {
    await Promise.all(this.lines.map((line) => line.close()));
  }
}
