import { createHash } from 'node:crypto';
import type { RowSplitter } from '../../src/core/copy-rows.js';

export interface SplitRow {
  /** Bytes of the row, in latin1 so that differences are readable. */
  readonly row: string;
  /** Bytes of the key field; null where the splitter says NULL. */
  readonly key: string | null;
}

/** Stands for bytes too long for a readable difference. */
export function fingerprint(bytes: Buffer | string): string {
  return `${bytes.length} bytes, sha1 ${createHash('sha1').update(bytes).digest('hex')}`;
}

/** What a splitter says about a stream that comes in these pieces. Overwrites each piece after its push. */
export function splitRows(splitter: RowSplitter, pieces: readonly Buffer[]): SplitRow[] {
  const seen: SplitRow[] = [];
  for (const piece of pieces) {
    const borrowed = Buffer.from(piece);
    splitter.push(borrowed, (list) => {
      let start = list.start;
      for (let row = 0; row < list.count; row++) {
        const end = list.ends[row]!;
        const keyStart = list.keyStarts[row]!;
        seen.push({
          row: list.buffer.toString('latin1', start, end),
          key: keyStart < 0 ? null : list.buffer.toString('latin1', keyStart, list.keyEnds[row]!),
        });
        start = end;
      }
    });
    borrowed.fill(0xee);
  }
  splitter.end();
  return seen;
}
