import { parentPort, workerData } from 'node:worker_threads';
import type { Meter } from '../core/metered.js';
import { ChunkExecutor, type ChunkTask, type LoadSetup } from '../load/executor.js';
import type { FromThread, StreamWaits, ToThread } from './messages.js';
import { packError, unpack, unpackError } from './transfer.js';

/** Bytes and waits are told to the main thread this often, not with every piece. */
const REPORT_MS = 200;

const NO_WAITS: StreamWaits = { source: 0, target: 0, throttle: 0 };

const port = parentPort!;
const say = (message: FromThread): void => port.postMessage(message);

const executor = new ChunkExecutor(unpack<LoadSetup>(workerData), {
  fail: () => {},
  now: Date.now,
  retrying: (error, { chunk }, pauseMs) => say({ kind: 'retrying', error: packError(error), chunk, pauseMs }),
});

class Report implements Meter {
  #bytes = 0;
  #waitMs = { ...NO_WAITS };
  #said = Date.now();

  bytes(count: number): void {
    this.#bytes += count;
    if (Date.now() - this.#said >= REPORT_MS) this.flush();
  }

  waited(side: keyof StreamWaits, ms: number): void {
    this.#waitMs[side] += ms;
  }

  flush(): void {
    say({ kind: 'advance', bytes: this.#bytes, waitMs: this.#waitMs });
    this.#bytes = 0;
    this.#waitMs = { ...NO_WAITS };
    this.#said = Date.now();
  }
}

let abort: ((reason: unknown) => void) | undefined;

async function run(task: ChunkTask): Promise<void> {
  const controller = new AbortController();
  abort = (reason) => controller.abort(reason);
  const report = new Report();
  try {
    const arrived = await executor.run(task, controller.signal, report);
    report.flush();
    say({ kind: 'done', arrived });
  } catch (error) {
    say({ kind: 'failed', error: packError(error) });
  } finally {
    abort = undefined;
  }
}

port.on('message', (message: ToThread) => {
  if (message.kind === 'run') void run(unpack<ChunkTask>(message.task));
  else if (message.kind === 'abort') abort?.(unpackError(message.reason));
  else void executor.close().then(() => say({ kind: 'closed' }));
});
