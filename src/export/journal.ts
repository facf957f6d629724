import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ManifestChunk, writeWhole } from './manifest.js';
import type { ChunkRecord } from './source-chunks.js';

/** Present while an export is unfinished. */
export const JOURNAL = 'unfinished.jsonl';

export interface JournalHeader {
  readonly dumpId: string;
  readonly planHash: string;
  readonly direction: string;
}

export interface JournalEntry {
  readonly record: ChunkRecord;
  readonly chunk: ManifestChunk;
}

/** What an unfinished export has done: a header, then a line per finished chunk. A cut last line does not count. */
export class Journal {
  private constructor(
    private readonly path: string,
    readonly header: JournalHeader,
    readonly entries: readonly JournalEntry[],
  ) {}

  static async find(directory: string): Promise<Journal | undefined> {
    const path = join(directory, JOURNAL);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const lines = text?.split('\n').slice(0, -1) ?? [];
    if (lines.length === 0) return undefined;
    const [header, ...entries] = lines.map((line) => JSON.parse(line));
    return new Journal(path, header, entries);
  }

  /** Starts anew, keeping `entries`. */
  static async start(
    directory: string,
    header: JournalHeader,
    entries: readonly JournalEntry[],
  ): Promise<Journal> {
    const path = join(directory, JOURNAL);
    await writeWhole(path, [header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join(''));
    return new Journal(path, header, entries);
  }

  async add(entry: JournalEntry): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(entry)}\n`);
  }

  async remove(): Promise<void> {
    await rm(this.path);
  }
}
