import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ManifestChunk, writePart } from './manifest.js';
import type { ChunkRecord } from './source-chunks.js';

/** Present while an export is unfinished. */
export const JOURNAL = 'unfinished.jsonl';

export interface JournalHeader {
  readonly dumpId: string;
  readonly planHash: string;
  readonly direction: string;
  /** Identity of the database that is read; absent in older journals. */
  readonly server?: string;
}

export interface JournalEntry {
  readonly record: ChunkRecord;
  readonly chunk: ManifestChunk;
}

/** A full disk cuts a line, and the next one is written behind it. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** What an unfinished export has done: a header, then a line per finished chunk. A line that was cut does not count. */
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
    const [header, ...entries] = lines.map(parseLine);
    if (header === undefined) return undefined;
    return new Journal(path, header as JournalHeader, entries.filter(Boolean) as JournalEntry[]);
  }

  /** Starts anew, keeping `entries`. */
  static async start(
    directory: string,
    header: JournalHeader,
    entries: readonly JournalEntry[],
  ): Promise<Journal> {
    const path = join(directory, JOURNAL);
    await writePart(path, [header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join(''));
    return new Journal(path, header, entries);
  }

  async add(entry: JournalEntry): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(entry)}\n`);
  }

  async remove(): Promise<void> {
    await rm(this.path);
  }
}
