import { MigrateError } from './errors.js';

/**
 * What a set of rows amounts to, independent of their order: how many, and the sum and the xor of their signed
 * 64-bit row hashes. The xor alone would miss a pair of equal rows, the sum alone two changes that cancel out;
 * both with the count come from one pass at the price of one (measured).
 */
export interface Digest {
  readonly rows: bigint;
  /** Exact and signed: sum(int8) is numeric in PostgreSQL and does not wrap. */
  readonly sum: bigint;
  /** Signed 64 bit, as bit_xor(int8) returns it. */
  readonly xor: bigint;
}

/** The columns count(*), sum(h), bit_xor(h) as the driver returns them: null aggregates where no row was. */
export interface DigestColumns {
  readonly rows: string;
  readonly sum: string | null;
  readonly xor: string | null;
}

export const EMPTY_DIGEST: Digest = { rows: 0n, sum: 0n, xor: 0n };

/** The digest of both sets together. Associative and commutative, with EMPTY_DIGEST as neutral element. */
export function mergeDigests(left: Digest, right: Digest): Digest {
  return { rows: left.rows + right.rows, sum: left.sum + right.sum, xor: left.xor ^ right.xor };
}

/** The digest of `whole` without `part`, which is of some of its rows. */
export function subtractDigest(whole: Digest, part: Digest): Digest {
  return { rows: whole.rows - part.rows, sum: whole.sum - part.sum, xor: whole.xor ^ part.xor };
}

export function digestsEqual(left: Digest, right: Digest): boolean {
  return left.rows === right.rows && left.sum === right.sum && left.xor === right.xor;
}

/**
 * Text of fixed form for manifests and reports: `<rows>-<sum modulo 2^128, 32 hex digits>-<xor, 16 hex digits>`.
 * Equal texts mean equal digests, because a sum of fewer than 2^63 hashes fits into 128 bits.
 */
export function formatDigest(digest: Digest): string {
  return `${digest.rows}-${hex(digest.sum, 128)}-${hex(digest.xor, 64)}`;
}

/** Throws INTERNAL for text that the three aggregates cannot return. */
export function parseDigest(columns: DigestColumns): Digest {
  const digest = {
    rows: integer(columns.rows),
    sum: integer(columns.sum ?? '0'),
    xor: integer(columns.xor ?? '0'),
  };
  // An aggregate is null over no row at all; over some rows it means that a row hash was null.
  const complete =
    digest.rows > 0n
      ? columns.sum !== null && columns.xor !== null
      : digest.rows === 0n && digest.sum === 0n && digest.xor === 0n;
  if (!complete || BigInt.asIntN(64, digest.xor) !== digest.xor) throw unreadable();
  return digest;
}

function integer(text: string): bigint {
  // BigInt() also takes blanks, hex and the empty string.
  if (!/^-?\d+$/.test(text)) throw unreadable();
  return BigInt(text);
}

function hex(value: bigint, bits: number): string {
  return BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, '0');
}

function unreadable(): MigrateError {
  return new MigrateError('INTERNAL', { message: 'A digest query returned something that is no digest.' });
}
