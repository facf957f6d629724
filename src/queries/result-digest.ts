import { createHash } from 'node:crypto';

/** What a result amounts to: its columns, how many rows, and digests of them with and without their order. */
export interface ResultDigest {
  readonly columns: readonly string[];
  readonly rows: number;
  /** Hex; the same for the same rows in any order. */
  readonly set: string;
  /** Hex; the same for the same rows in the same order. */
  readonly sequence: string;
}

const LENGTH = Buffer.alloc(4);
const NULL_LENGTH = 0xff_ff_ff_ff;

/** Each value behind its length, as the protocol frames it, so that no two rows are the same bytes. */
function rowHash(values: readonly (string | null)[]): Buffer {
  const hash = createHash('sha256');
  for (const value of values) {
    const bytes = value === null ? undefined : Buffer.from(value);
    LENGTH.writeUInt32BE(bytes?.length ?? NULL_LENGTH);
    hash.update(LENGTH);
    if (bytes !== undefined) hash.update(bytes);
  }
  return hash.digest();
}

const WIDTH = 256;

/** Takes rows one by one and keeps none. Values are the server's text under pinned settings, byte for byte. */
export class ResultDigester {
  readonly #sequence = createHash('sha256');
  #sum = 0n;
  #rows = 0;

  add(values: readonly (string | null)[]): void {
    const hash = rowHash(values);
    this.#sequence.update(hash);
    // A sum, not an xor: in which a row that comes twice would be as good as none.
    this.#sum += BigInt(`0x${hash.toString('hex')}`);
    this.#rows += 1;
  }

  finish(columns: readonly string[]): ResultDigest {
    const set = BigInt.asUintN(WIDTH, this.#sum)
      .toString(16)
      .padStart(WIDTH / 4, '0');
    return { columns, rows: this.#rows, set, sequence: this.#sequence.digest('hex') };
  }
}
