import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { localError } from './local-error.js';

/** Bytes that are written at once. */
const PIECE = 64 * 1024;

/**
 * A file of JSON lines, mode 0600, that has its name only when it is complete and synced. Its lines are not kept in
 * memory. Throws LOCAL_IO or LOCAL_DISK_FULL.
 */
export class LineFile {
  #waiting = '';

  private constructor(
    readonly file: string,
    private readonly part: string,
    private readonly handle: FileHandle,
  ) {}

  static async open(file: string): Promise<LineFile> {
    const part = `${file}.${randomBytes(4).toString('hex')}.part`;
    try {
      return new LineFile(file, part, await open(part, 'w', 0o600));
    } catch (error) {
      throw localError(error, file);
    }
  }

  async add(line: unknown): Promise<void> {
    this.#waiting += `${JSON.stringify(line)}\n`;
    if (this.#waiting.length >= PIECE) await this.#write();
  }

  /** Puts it in the place of an older one. */
  async keep(): Promise<void> {
    await this.#write();
    try {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.part, this.file);
    } catch (error) {
      throw localError(error, this.file);
    }
  }

  /** What was written is thrown away. */
  async drop(): Promise<void> {
    await this.handle.close().catch(() => {});
    await rm(this.part, { force: true });
  }

  async #write(): Promise<void> {
    try {
      await this.handle.writeFile(this.#waiting);
    } catch (error) {
      throw localError(error, this.file);
    }
    this.#waiting = '';
  }
}
