import { MigrateError } from '../core/errors.js';
import { plural } from '../core/format.js';

/** Memory that several threads can share: the rows of a load that were refused so far. */
export const newRefusedMemory = (): SharedArrayBuffer => new SharedArrayBuffer(8);

/**
 * How many rows may be refused, over all chunks, threads and runs of a load. A refused row counts as soon as it is
 * met, so that the chunk which passes the limit is never committed.
 */
export class Allowance {
  readonly #refused: BigInt64Array;
  readonly #most: number;

  constructor({ refused, maxBadRows }: { readonly refused: SharedArrayBuffer; readonly maxBadRows: number }) {
    this.#refused = new BigInt64Array(refused);
    this.#most = maxBadRows;
  }

  /** `already`: refused rows of earlier runs, those of chunks included that are only partly committed. */
  begin(already: number): void {
    Atomics.store(this.#refused, 0, BigInt(already));
  }

  /** The refused rows of one chunk, of which `already` are counted. */
  chunk(already: number): ChunkRefusals {
    let mine = already;
    const count = (more: number): number => {
      mine += more;
      return Number(Atomics.add(this.#refused, 0, BigInt(more))) + more;
    };
    return {
      restart: (committed) => void count(committed - mine),
      add: (error) => refuseTooMany(count(1), this.#most, error),
    };
  }
}

export interface ChunkRefusals {
  /** A new attempt begins, behind all earlier ones: `committed` is what the ledger says of them. */
  restart(committed: number): void;
  /** Throws TOO_MANY_BAD_ROWS, naming the reason, when this row is one too many. */
  add(error: MigrateError): void;
}

function refuseTooMany(count: number, most: number, last: MigrateError): void {
  if (count <= most) return;
  throw new MigrateError('TOO_MANY_BAD_ROWS', {
    message: `More than ${most} ${most === 1 ? 'row was' : 'rows were'} refused; the last one: ${last.message}`,
    context: last.context,
  });
}

/** Throws TOO_MANY_BAD_ROWS when earlier runs have set more rows aside than this one takes. */
export function refuseEarlier(count: number, most: number): void {
  if (count <= most) return;
  throw new MigrateError('TOO_MANY_BAD_ROWS', {
    message: `Earlier runs of this load set ${plural(count, 'refused row')} aside, and this run takes ${most === 0 ? 'none' : `at most ${most}`}`,
    hint: `Repeat with --on-bad-row quarantine --max-bad-rows ${count} or more; or mend the reason and load these tables anew with --truncate.`,
  });
}
