import { readFile } from 'node:fs/promises';
import { type Control, parseControlFile } from '../config/control-file.js';
import type { Log } from '../core/context.js';

/** A file that tells a running command what to change; a missing one tells nothing. */
export class ControlFile {
  /** What was read last, and what was read before that: a file is taken once it has stayed the same. */
  #seen: string | undefined;
  #taken = '';
  #trouble = '';

  constructor(
    private readonly path: string,
    private readonly log: Log,
  ) {}

  /**
   * What is new in the file since the last call; undefined: nothing. Whatever is wrong with the file is a warning,
   * told once, and what held before goes on. `settled`: take it as it is now. Otherwise it has to have been the same
   * at two calls, for an editor may be in the middle of writing it.
   */
  async changed(settled = false): Promise<Control | undefined> {
    const text = await this.#read();
    if (text === undefined) return undefined;
    const same = settled || text === this.#seen;
    this.#seen = text;
    if (!same || text === this.#taken) return undefined;
    this.#taken = text;
    const { content, problems } = parseControlFile({ path: this.path, text });
    if (problems.length === 0) {
      this.#trouble = '';
      return content;
    }
    this.#warn(`has ${problems.length === 1 ? 'a problem' : 'problems'}: ${problems.join('; ')}`);
    return undefined;
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return '';
      this.#warn(`cannot be read (${code})`);
      return undefined;
    }
  }

  #warn(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.log.warn(`The control file ${this.path} ${trouble}. What held before goes on`);
  }
}
