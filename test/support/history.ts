import { expect } from 'vitest';
import type { Server } from '../../src/demo/servers/index.js';
import { below, type Random, seeded, type Writers } from './histories.js';
import type { Passes } from './passes.js';
import type { Upheavals } from './upheavals.js';

const STEPS = 16;
/** Attempts in which, once nobody writes any more and every server is up, a pass has to get through. */
const MOST_ATTEMPTS = 100;
/** One history in so many has a server that goes down, a shard that moves with writers shut out, one that moves beside them. */
const RESTART_EVERY = 20;
const MOVE_EVERY = 12;
const LOGICAL_EVERY = 60;

/**
 * The seeds of a run: `count` of them from MIGRATE_TEST_SEED on; of MIGRATE_TEST_HISTORIES, where that is given, the
 * `share`.
 */
export function histories(
  count: number,
  share: number,
): { readonly count: number; readonly seeds: readonly number[] } {
  const given = process.env.MIGRATE_TEST_HISTORIES;
  const wanted = given === undefined ? count : Math.ceil(Number(given) * share);
  const first = Number(process.env.MIGRATE_TEST_SEED ?? 1);
  return { count: wanted, seeds: Array.from({ length: wanted }, (_, index) => first + index) };
}

export interface HistoryRequest<M> {
  readonly writers: Writers;
  readonly passes: Passes<M>;
  readonly upheavals: Upheavals;
  /** Failpoints of a pass. */
  readonly points: readonly string[];
  /** There are shards to move. */
  readonly sharded: boolean;
}

/** Random writers, passes, crashes of the process and of servers, and moves of shards, all as the seed says. */
export class History<M> {
  constructor(private readonly request: HistoryRequest<M>) {}

  /** `servers`: of which one may go down. Ends when a pass has found nothing left, and was compared. */
  async run(seed: number, servers: readonly Server[]): Promise<void> {
    const { writers, passes } = this.request;
    try {
      await this.#run(seed, servers);
    } catch (error) {
      console.error(
        `History ${seed} (MIGRATE_TEST_SEED), last refusal: ${passes.refusal}:\n${writers.log.join('\n')}`,
      );
      throw error;
    }
  }

  async #run(seed: number, servers: readonly Server[]): Promise<void> {
    const { writers, passes, upheavals, points } = this.request;
    const random = seeded(seed * 7919);
    const note = `seed ${seed}`;
    // In some histories, as their seeds say: the first pass that gets so far breaks there, if only at the end.
    if (random() < 0.3) passes.crashAt = points[Math.floor(random() * points.length)];
    const when = below(random, STEPS);
    const happens = this.#happens(seed, servers, random);
    // Of its own: how often it is asked depends on time.
    const chance = seeded(seed * 104_729);
    let passing: Promise<boolean> | undefined;
    let step = 0;
    await writers.run(seed, STEPS, async () => {
      if (step === when) happens?.();
      step += 1;
      // Some passes run beside the writers, some are waited for.
      const dice = random();
      if (dice < 0.18 && passing === undefined) {
        passing = passes.pass(note, chance, random() < 0.6);
        passing.catch(() => {});
      } else if (dice > 0.9) {
        await passing;
        passing = undefined;
      }
    });
    await passing;
    // Some beside what still goes on.
    for (let attempts = 0; happens !== undefined && attempts < 3; attempts += 1)
      await passes.pass(note, chance);
    await upheavals.settled();
    for (let attempts = 1; !(await passes.pass(note, chance)); attempts += 1)
      if (attempts === MOST_ATTEMPTS)
        throw new Error(`No pass gets through at the end of ${note}: ${passes.refusal}`);
  }

  /** What happens in this history, if anything does. */
  #happens(seed: number, servers: readonly Server[], random: Random): (() => void) | undefined {
    const { writers, upheavals, sharded } = this.request;
    if (seed % RESTART_EVERY === 0) {
      const server = servers[(seed / RESTART_EVERY) % servers.length]!;
      return () => {
        writers.beUnsure();
        upheavals.restart(server, random);
      };
    }
    if (!sharded || seed % MOVE_EVERY !== 7) return undefined;
    return () => upheavals.move(random, seed % LOGICAL_EVERY === 7 ? 'force_logical' : 'block_writes');
  }

  /** The histories were what they are meant to be. */
  expectVaried(count: number): void {
    const { passes, upheavals, sharded } = this.request;
    const { seen } = passes;
    expect(seen.fences).toBeGreaterThan(count);
    expect(seen.crashes).toBeGreaterThan(count / 8);
    expect(upheavals.seen.restarts).toBeGreaterThanOrEqual(Math.floor(count / RESTART_EVERY));
    if (sharded) expect(upheavals.seen.moves).toBeGreaterThan(count / MOVE_EVERY / 2);
    console.info(JSON.stringify({ ...seen, ...upheavals.seen, refusal: upheavals.refusal }));
  }
}
