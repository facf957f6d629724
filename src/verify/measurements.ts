import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../files/write-whole.js';

/** Something that was measured under a snapshot, and what it takes to know later that it still holds. */
export interface Measurement {
  /** pg_current_snapshot() under which it was measured, by the name of the node. */
  readonly visible: Readonly<Record<string, string>>;
  /** Rows that it speaks of, on each of the nodes. */
  readonly rows: string;
  readonly value: unknown;
}

/** Milliseconds between two writes of the file. */
const SAVE_EVERY = 2_000;

interface FileContent {
  readonly formatVersion: 1;
  readonly planHash: string;
  readonly measurements: Readonly<Record<string, Measurement>>;
}

/**
 * What verification has measured, by everything that the result depends on (`measurementKey`). Kept in a file where
 * that is asked for, so that a later run does not measure again what has not changed since. Whether it has is for the
 * caller to find out (`knownRows`).
 */
export class Measurements {
  readonly #made = new Map<string, Measurement>();
  #savedAt = Date.now();
  #saving: Promise<unknown> = Promise.resolve();
  /** Measurements that were used again. */
  reused = 0;

  private constructor(
    private readonly file: string | undefined,
    private readonly planHash: string,
    private readonly known: ReadonlyMap<string, Measurement>,
    /** False: nobody has to find out what a measurement depends on, for nothing is kept. */
    readonly kept = true,
  ) {}

  /** Offers what the file holds for this plan. A file that cannot be read counts as empty. */
  static async open(file: string, planHash: string): Promise<Measurements> {
    const content = await readContent(file);
    const known = content?.planHash === planHash ? Object.entries(content.measurements) : [];
    return new Measurements(file, planHash, new Map(known));
  }

  /** Those of this run alone, for a second look (`again`). */
  static ofThisRun(): Measurements {
    return new Measurements(undefined, '', new Map());
  }

  static none(): Measurements {
    return new Measurements(undefined, '', new Map(), false);
  }

  /** What these measurements are to a second look within the same run. */
  again(): Measurements {
    return new Measurements(undefined, this.planHash, new Map(this.#made));
  }

  /** What was measured earlier, whether it still holds or not. */
  offered(key: string): Measurement | undefined {
    return this.known.get(key);
  }

  /** One that was offered still holds. */
  reuse(key: string): void {
    this.#made.set(key, this.known.get(key)!);
    this.reused += 1;
  }

  async keep(key: string, measurement: Measurement): Promise<void> {
    this.#made.set(key, measurement);
    if (Date.now() - this.#savedAt >= SAVE_EVERY) await this.save();
  }

  /** Writes the file; returns what kept it from being written. */
  save(): Promise<Error | undefined> {
    const { file, planHash } = this;
    if (file === undefined) return Promise.resolve(undefined);
    this.#savedAt = Date.now();
    const content: FileContent = { formatVersion: 1, planHash, measurements: Object.fromEntries(this.#made) };
    const written = this.#saving.then(() => writeWhole(file, `${JSON.stringify(content)}\n`));
    this.#saving = written.catch(() => {});
    return written.then(
      () => undefined,
      (error: Error) => error,
    );
  }
}

/** The file that is meant when none is named: `migrate.verify.json` for `migrate.plan.json`. */
export function measurementsFile(plan: string): string {
  return plan.replace(/(\.plan)?(\.json)?$/, '.verify.json');
}

/** Names a measurement by all that its result depends on: servers, statements, files of tables. */
export function measurementKey(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

async function readContent(file: string): Promise<FileContent | undefined> {
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as Partial<FileContent>;
    return content.formatVersion === 1 && typeof content.measurements === 'object'
      ? (content as FileContent)
      : undefined;
  } catch {
    return undefined;
  }
}
