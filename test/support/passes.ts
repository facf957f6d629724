import type { Context } from '../../src/core/context.js';
import { MigrateError } from '../../src/core/errors.js';
import type { Random } from './histories.js';

interface Opened<M> {
  readonly follower: {
    pass(atFence?: (moment: M) => Promise<void>): Promise<{ readonly changes: number }>;
  };
  close(): Promise<void>;
}

export interface PassesRequest<M> {
  /** A new process. */
  open(context: Partial<Context>): Promise<Opened<M>>;
  /** Compares both sides, the one that is followed as of the moment. */
  compare(note: string, moment: M): Promise<void>;
  /** Grows when a server goes down, and again when it is back: then connections may be lost. */
  readonly disturbances: () => number;
}

/** What a client says whose server has gone away, or is not there; Citus has words of its own for the first. */
const GONE = /^(57P0[123]|08...|ECONNREFUSED|ECONNRESET|EPIPE)$/;
const SAYS_GONE = /^Connection terminated|^Client (was closed|has encountered)|postmaster was shut down/;
function isGone(error: unknown): boolean {
  const { code = '', message = '', cause } = error as { code?: string; message?: string; cause?: unknown };
  return GONE.test(code) || SAYS_GONE.test(message) || (cause !== undefined && isGone(cause));
}

/** Passes of a process that may die at any of its failpoints, beside servers that do so too. */
export class Passes<M> {
  readonly seen = { passes: 0, fences: 0, crashes: 0, refused: 0, opened: 0 };
  /** Where the next pass breaks. */
  crashAt: string | undefined;
  /** What the last pass was refused for. */
  refusal: string | undefined;
  #opened: Opened<M> | undefined;
  /** Failures in a row of this process. */
  #failures = 0;
  readonly #context: Partial<Context>;

  constructor(private readonly request: PassesRequest<M>) {
    this.#context = {
      fail: (point) => {
        if (point !== this.crashAt) return;
        this.crashAt = undefined;
        throw new MigrateError('INTERNAL', { message: `crash ${point}` });
      },
    };
  }

  /** One pass, with `fence` compared at its end; a new process after a crash. True: nothing was left to apply. */
  async pass(note: string, random: Random, fence = true): Promise<boolean> {
    const { open, compare, disturbances } = this.request;
    const before = disturbances();
    try {
      if (this.#opened === undefined) {
        this.#opened = await open(this.#context);
        this.seen.opened += 1;
      }
      const atFence = async (moment: M): Promise<void> => {
        await compare(note, moment);
        this.seen.fences += 1;
      };
      const { changes } = await this.#opened.follower.pass(fence ? atFence : undefined);
      this.seen.passes += 1;
      this.#failures = 0;
      return changes === 0;
    } catch (error) {
      if (error instanceof MigrateError && error.message.startsWith('crash')) {
        this.seen.crashes += 1;
        await this.close();
        return false;
      }
      const repeatable = error instanceof MigrateError && error.retry !== 'never';
      const disturbed = disturbances() !== before || disturbances() % 2 === 1;
      if (!repeatable && !(disturbed && isGone(error))) throw error;
      // A lock that a writer holds, such as TRUNCATE's, or a server that is down: the next pass gets it.
      this.seen.refused += 1;
      this.refusal = (error as Error).message;
      this.#failures += 1;
      // The same process goes on, as `sync` does; or it is started again, as an operator would.
      if (this.#failures > 4 || random() < 0.2) await this.close();
      return false;
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#failures = 0;
    await opened?.close();
  }
}
