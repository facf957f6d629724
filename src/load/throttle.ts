import type { Control } from '../config/control-file.js';
import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { formatBytes, formatDuration } from '../core/format.js';
import type { Pace } from '../core/pace.js';
import { PauseTally, type PauseTotals } from '../core/pause-tally.js';
import { checksOf, type Reason, reasonsToPause, type ThrottleLimits, withLimits } from '../core/throttle.js';
import { newBucketMemory, TokenBucket } from '../core/token-bucket.js';
import { ControlFile } from './control.js';
import { type CheckedSides, type Look, NOTHING_SEEN, ThrottleChecks } from './throttle-checks.js';

/** Between two looks at the servers and at the control file. */
const LOOK_EVERY_MS = 1000;
/** Work pauses while a check fails; after this long without an answer it ends. */
const PATIENCE_MS = 300_000;

export interface ThrottleOptions extends CheckedSides {
  readonly limits: ThrottleLimits;
  /** Bytes per second; 0: no limit. */
  readonly maxRate: number;
  readonly jobs: number;
  /** File that is read again while work runs. */
  readonly control?: string;
  readonly patienceMs?: number;
}

/**
 * Looks at the servers once a second and holds work back, between two chunks, while there is a reason. What is
 * under way is finished: it would keep its locks while it waits. Changes of the control file hold from the next look.
 */
export class Throttle implements Pace {
  readonly bucket = newBucketMemory();
  readonly #options: ThrottleOptions;
  readonly #context: Context;
  readonly #checks: ThrottleChecks;
  readonly #control: ControlFile | undefined;
  readonly #rate: TokenBucket;
  readonly #tally = new PauseTally();
  readonly #waiting = new Set<() => void>();
  #changes: Control = {};
  #reasons: readonly Reason[] = [];
  #standbys: ReadonlySet<string> = new Set();
  #told = '';
  #pausedAt: number | undefined;
  #blindSince: number | undefined;
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;
  #listener: ((jobs: number) => void) | undefined;
  #jobs: number;

  private constructor(options: ThrottleOptions, context: Context) {
    this.#options = options;
    this.#context = context;
    this.#jobs = options.jobs;
    this.#checks = new ThrottleChecks(options);
    this.#control = options.control === undefined ? undefined : new ControlFile(options.control, context.log);
    this.#rate = new TokenBucket(this.bucket, context.clock.now);
  }

  /**
   * Makes every check once. Throws RIGHTS_MISSING or THROTTLE_INVALID, with all that is wrong, when one cannot be
   * made, and the connection's error when a server is not there.
   */
  static async start(options: ThrottleOptions, context: Context): Promise<Throttle> {
    const throttle = new Throttle(options, context);
    try {
      throttle.#rate.rate = options.maxRate;
      const look = await throttle.#checks.look(options.limits, context.clock.now);
      refuse(look);
      if (checksOf(options.limits).lag && look.standbys.length === 0)
        context.log.warn('No standby follows the servers now: a limit of replication lag holds nothing back');
      await throttle.#readControl(true);
      throttle.#judge(await throttle.#checks.look(throttle.#limits, context.clock.now));
      throttle.#schedule();
      return throttle;
    } catch (error) {
      await throttle.close();
      throw error;
    }
  }

  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      throwIfAborted(signal);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#reasons.length === 0) return;
      let wake = (): void => {};
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      this.#show();
      await woken;
      signal.removeEventListener('abort', wake);
      this.#waiting.delete(wake);
    }
  }

  onJobs(listener: (jobs: number) => void): () => void {
    this.#listener = listener;
    this.#jobs = this.#options.jobs;
    this.#wish();
    return () => {
      this.#listener = undefined;
    };
  }

  get totals(): PauseTotals {
    return this.#tally.totals;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    const { progress, metrics, clock } = this.#context;
    this.#tally.update(clock.now(), []);
    progress.pause(undefined);
    metrics.gauge('migrate_throttle_paused', 0);
    await this.#checks.close();
  }

  get #limits(): ThrottleLimits {
    return withLimits(this.#options.limits, this.#changes.throttle ?? {});
  }

  #schedule(): void {
    const { lag, active, queries } = checksOf(this.#limits);
    if (this.#closed || !(this.#control || lag || active || queries)) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#turn()
        .catch((error) => this.#fail(error))
        .then(() => this.#schedule());
    }, LOOK_EVERY_MS);
  }

  async #turn(): Promise<void> {
    await this.#readControl(false);
    this.#judge(await this.#checks.look(this.#limits, this.#context.clock.now));
  }

  /** Limits that cannot be checked are a mistake in the file: they are not taken, and nothing stops. */
  async #readControl(settled: boolean): Promise<void> {
    const { log, clock } = this.#context;
    const read = await this.#control?.changed(settled);
    if (read === undefined) return;
    const { errors } =
      read.throttle === undefined
        ? NOTHING_SEEN
        : await this.#checks.look(withLimits(this.#options.limits, read.throttle), clock.now);
    const { throttle: kept } = this.#changes;
    const good = errors.length === 0 ? read : { ...read, throttle: kept };
    for (const { message } of errors)
      log.warn(`The limits of the control file cannot be checked: ${message}. Those that held before go on`);
    this.#changes = good;
    const rate = good.maxRate ?? this.#options.maxRate;
    const told = [
      good.pause ? 'pause' : '',
      `${good.jobs ?? this.#options.jobs} jobs`,
      rate === 0 ? 'no limit of the rate' : `${formatBytes(rate)}/s`,
      errors.length === 0 && read.throttle ? 'limits of the throttle' : '',
    ];
    log.info(`The control file says: ${told.filter(Boolean).join(', ')}`);
    if (rate !== this.#rate.rate) this.#rate.rate = rate;
    this.#wish();
  }

  #wish(): void {
    const jobs = this.#changes.jobs ?? this.#options.jobs;
    if (this.#listener === undefined || jobs === this.#jobs) return;
    this.#jobs = jobs;
    this.#listener(jobs);
  }

  #judge(look: Look): void {
    const { metrics, clock } = this.#context;
    const now = clock.now();
    this.#blindSince = look.failures.length === 0 ? undefined : (this.#blindSince ?? now);
    const { patienceMs = PATIENCE_MS } = this.#options;
    if (this.#blindSince !== undefined && now - this.#blindSince >= patienceMs) {
      const blindFor = formatDuration(now - this.#blindSince);
      this.#fail(
        new MigrateError('THROTTLE_BLIND', {
          message: `What --throttle limits could not be looked at for ${blindFor}: ${look.failures.join('; ')}`,
          cause: look.errors[0],
        }),
      );
      return;
    }
    this.#missStandbys(look);
    this.#reasons = reasonsToPause(this.#limits, this.#changes.pause ?? false, look);
    for (const { node, behindMs, behindBytes } of look.standbys) {
      metrics.gauge('migrate_throttle_lag_seconds', behindMs / 1000, { node });
      metrics.gauge('migrate_throttle_lag_bytes', behindBytes, { node });
    }
    for (const { node, active } of look.active)
      metrics.gauge('migrate_throttle_active_connections', active, { node });
    metrics.gauge('migrate_throttle_limit_bytes_per_second', this.#rate.rate);
    this.#show();
    if (this.#reasons.length === 0) this.#wake();
  }

  /** Of a standby that has gone nobody knows the lag. It may be gone for good, so it does not stop the work. */
  #missStandbys({ standbys, failures }: Look): void {
    if (failures.length > 0 || !checksOf(this.#limits).lag) return;
    const here = new Set(standbys.map(({ node, standby }) => `${standby} of ${node}`));
    for (const name of this.#standbys)
      if (!here.has(name))
        this.#context.log.warn(`Standby ${name} is not connected any more: its lag holds nothing back`);
    this.#standbys = here;
  }

  /** Work pauses when there is a reason and somebody waits; what is under way is no pause. */
  #show(): void {
    const { log, metrics, progress, clock } = this.#context;
    const now = clock.now();
    const reasons = this.#waiting.size > 0 ? this.#reasons : [];
    const kinds = new Set(reasons.map(({ kind }) => kind));
    const text = reasons.map((reason) => reason.text).join('; ');
    const before = this.#tally.totals;
    this.#tally.update(now, kinds);
    const { byReason } = this.#tally.totals;
    for (const [kind, { pauses, ms }] of Object.entries(byReason)) {
      const old = before.byReason[kind as keyof typeof byReason];
      metrics.count(`migrate_throttle_${kind}_pauses_total`, pauses - (old?.pauses ?? 0));
      metrics.count(`migrate_throttle_${kind}_seconds_total`, (ms - (old?.ms ?? 0)) / 1000);
    }
    metrics.gauge('migrate_throttle_paused', kinds.size > 0 ? 1 : 0);
    progress.pause(kinds.size > 0 ? text : undefined);
    const told = [...kinds].join();
    if (told === this.#told) return;
    this.#told = told;
    if (kinds.size > 0) {
      this.#pausedAt ??= now;
      log.info(`Pausing: ${text}`);
    } else {
      log.info(`Going on after a pause of ${formatDuration(now - this.#pausedAt!)}`);
      this.#pausedAt = undefined;
    }
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** The server's own words say what is wrong with a query; repeating it as it is would not help. */
const hintOf = ({ code, hint }: MigrateError): string =>
  code === 'SERVER_ERROR' || code === 'THROTTLE_INVALID' ? 'Correct the query; nothing was touched.' : hint;

/** Everything that is wrong with the checks, at once. */
function refuse({ errors }: Look): void {
  const [first, ...others] = errors;
  if (first === undefined) return;
  if (others.length === 0 && first.code !== 'SERVER_ERROR') throw first;
  throw new MigrateError('THROTTLE_INVALID', {
    message: `The limits of --throttle cannot be checked:\n${errors.map(({ message }) => `  ${message}`).join('\n')}`,
    hint: [...new Set(errors.map(hintOf))].join(' '),
    cause: first,
  });
}
