import { Worker } from 'node:worker_threads';
import type { Context } from '../core/context.js';
import { abortReason, MigrateError, throwIfAborted } from '../core/errors.js';
import type { Meter } from '../core/metered.js';
import type { Arrived } from '../ledger/rows.js';
import type { ChunkTask, CreateExecutor, Executor, LoadSetup } from '../load/executor.js';
import type { FromThread, ToThread } from './messages.js';
import { pack, packError, unpackError } from './transfer.js';

/**
 * What a thread's short-lived objects may take. Rows are bytes outside the heap, and the few objects around them die at
 * once: more room only makes the collector come later.
 */
const YOUNG_GENERATION_MB = 2;

interface Job {
  readonly meter: Meter;
  readonly resolve: (arrived: Arrived) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread and the chunk that it works on. */
class Thread {
  readonly #worker: Worker;
  #job: Job | undefined;
  #ended: MigrateError | undefined;
  readonly #closed: Promise<void>;

  constructor(setup: LoadSetup, log: Context['log']) {
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: pack(setup),
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#closed = new Promise((resolve) => {
      this.#worker.on('message', (message: FromThread) => {
        if (message.kind === 'closed') resolve();
        else this.#hear(message, log);
      });
      // One that has died will not say that it is closed.
      this.#worker.on('exit', () => resolve());
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => {
      this.#ended = new MigrateError('INTERNAL', { message: 'A worker thread ended by itself' });
      this.#fail(this.#ended);
    });
  }

  run(task: ChunkTask, signal: AbortSignal, meter: Meter): Promise<Arrived> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const abort = (): void => this.#tell({ kind: 'abort', reason: packError(abortReason(signal)) });
    signal.addEventListener('abort', abort, { once: true });
    return new Promise<Arrived>((resolve, reject) => {
      this.#job = { meter, resolve, reject };
      this.#tell({ kind: 'run', task: pack(task) });
    }).finally(() => signal.removeEventListener('abort', abort));
  }

  async close(): Promise<void> {
    this.#tell({ kind: 'close' });
    await this.#closed;
    await this.#worker.terminate();
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #fail(error: unknown): void {
    this.#job?.reject(error);
    this.#job = undefined;
  }

  #hear(message: Exclude<FromThread, { kind: 'closed' }>, log: Context['log']): void {
    switch (message.kind) {
      case 'advance': {
        const { bytes, waitMs } = message;
        this.#job?.meter.bytes(bytes);
        this.#job?.meter.waited('source', waitMs.source);
        this.#job?.meter.waited('target', waitMs.target);
        this.#job?.meter.waited('throttle', waitMs.throttle);
        return;
      }
      case 'retrying': {
        const { error, chunk, pauseMs } = message;
        log.warn(`${error.message}. Trying chunk ${chunk} again in ${pauseMs} ms`, { code: error.code });
        return;
      }
      case 'done':
        this.#job?.resolve(message.arrived);
        this.#job = undefined;
        return;
      case 'failed':
        this.#fail(unpackError(message.error));
    }
  }
}

/**
 * Loads chunks in threads of their own, one at a time each: parsing, hashing and regrouping rows leave the main
 * thread free for progress, signals and metrics. `jobs` threads are started when the first chunk needs them.
 */
class ThreadPool implements Executor {
  readonly #threads: Thread[] = [];
  readonly #idle: Thread[] = [];
  readonly #retired: Promise<void>[] = [];
  readonly #waiting: ((thread: Thread) => void)[] = [];

  constructor(
    private readonly setup: LoadSetup,
    private readonly log: Context['log'],
    private size: number,
  ) {}

  async run(task: ChunkTask, signal: AbortSignal, meter: Meter): Promise<Arrived> {
    const thread = await this.#borrow();
    try {
      throwIfAborted(signal);
      return await thread.run(task, signal, meter);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(thread);
      else this.#idle.push(thread);
      this.#retire();
    }
  }

  resize(jobs: number): void {
    this.size = jobs;
    this.#retire();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#retired, ...this.#threads.map((thread) => thread.close())]);
  }

  /** Threads beyond the number that is wanted go, with their connections, once they are idle. */
  #retire(): void {
    while (this.#threads.length > this.size && this.#idle.length > 0) {
      const thread = this.#idle.pop()!;
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      this.#retired.push(thread.close());
    }
  }

  async #borrow(): Promise<Thread> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#threads.length >= this.size) return new Promise((resolve) => this.#waiting.push(resolve));
    const thread = new Thread(this.setup, this.log);
    this.#threads.push(thread);
    return thread;
  }
}

/** Loads in threads. */
export const executeInThreads: CreateExecutor = async (setup, { log }, jobs) =>
  new ThreadPool(setup, log, jobs);
