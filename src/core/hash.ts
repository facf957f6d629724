import { MigrateError } from './errors.js';

/** Hashes `bytes[start, end)` into a signed 32-bit integer, the form in which pg_dist_shard keeps its ranges. */
export type KeyHash = (bytes: Uint8Array, start: number, end: number) => number;

// hash_bytes starts from 0x9e3779b9 + length + 3923095.
const INITIAL = (0x9e3779b9 + 3923095) | 0;

/**
 * PostgreSQL's hash_bytes: Bob Jenkins' lookup3 as in src/common/hashfn.c, for the little-endian machines on
 * which Citus runs. Allocates nothing.
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let a = (INITIAL + (end - start)) | 0;
  let b = a;
  let c = a;
  let k = start;
  for (const lastBlock = end - 12; k <= lastBlock; k += 12) {
    a = (a + word(bytes, k)) | 0;
    b = (b + word(bytes, k + 4)) | 0;
    c = (c + word(bytes, k + 8)) | 0;
    // mix()
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
  }
  const rest = end - k;
  if (rest >= 8) {
    a = (a + word(bytes, k)) | 0;
    b = (b + word(bytes, k + 4)) | 0;
    // The lowest byte of c belongs to the length.
    if (rest > 8) c = (c + (tail(bytes, k + 8, rest - 8) << 8)) | 0;
  } else if (rest >= 4) {
    a = (a + word(bytes, k)) | 0;
    if (rest > 4) b = (b + tail(bytes, k + 4, rest - 4)) | 0;
  } else if (rest > 0) {
    a = (a + tail(bytes, k, rest)) | 0;
  }
  return finish(a, b, c);
}

/** hash_bytes_uint32: what hashint2, hashint4 and hashoid compute from a value widened to 32 bits. */
export function hashUint32(value: number): number {
  const initial = (INITIAL + 4) | 0;
  return finish((initial + value) | 0, initial, initial);
}

/** hashint8 of the 64-bit integer with these halves; equals `hashUint32` where the value fits 32 bits. */
export function hashInt64(high: number, low: number): number {
  return hashUint32(low ^ (high >= 0 ? high : ~high));
}

/** hashbpchar: blanks at the end of a char(n) do not count. */
export function hashBlankPadded(bytes: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && bytes[last - 1] === 0x20) last -= 1;
  return hashBytes(bytes, start, last);
}

/**
 * The hash over a field as binary COPY carries it, by the name of the type's default hash function. undefined: it
 * is not computed here, and the table's rows go through the coordinator. Enums hash their OID, which differs
 * between servers; records, arrays, ranges and jsonb hash inner values; of an unknown name nothing is assumed.
 * The result throws DUMP_DAMAGED for a field that the type cannot have sent.
 */
export function wireHash(hashFunction: string): KeyHash | undefined {
  switch (hashFunction) {
    case 'hashtext':
    case 'hashname':
    case 'hashvarlena':
      return hashBytes;
    case 'hashbpchar':
      return hashBlankPadded;
    case 'uuid_hash':
      return ofLength(16);
    case 'hashmacaddr':
      return ofLength(6);
    case 'hashmacaddr8':
      return ofLength(8);
    case 'hashint2':
      return hashWireInt2;
    case 'hashint4':
    case 'hashoid':
      return hashWireInt4;
    case 'hashint8':
    case 'timestamp_hash':
    case 'time_hash':
    case 'pg_lsn_hash':
      return hashWireInt8;
    case 'timetz_hash':
      return hashWireTimeTz;
    case 'hashchar':
      return hashWireChar;
    case 'hashfloat4':
      return floatHash(4);
    case 'hashfloat8':
      return floatHash(8);
    case 'hash_numeric':
      return numericHash();
    default:
      return undefined;
  }
}

function hashWireInt2(bytes: Uint8Array, start: number, end: number): number {
  needLength(start, end, 2);
  return hashUint32(((bytes[start]! << 24) >> 16) | bytes[start + 1]!);
}

function hashWireInt4(bytes: Uint8Array, start: number, end: number): number {
  needLength(start, end, 4);
  return hashUint32(bigEndian(bytes, start));
}

function hashWireInt8(bytes: Uint8Array, start: number, end: number): number {
  needLength(start, end, 8);
  return hashInt64(bigEndian(bytes, start), bigEndian(bytes, start + 4));
}

function hashWireTimeTz(bytes: Uint8Array, start: number, end: number): number {
  needLength(start, end, 12);
  return hashWireInt8(bytes, start, start + 8) ^ hashUint32(bigEndian(bytes, start + 8));
}

function hashWireChar(bytes: Uint8Array, start: number, end: number): number {
  needLength(start, end, 1);
  const value = bytes[start]!;
  // C's char is signed on some platforms and unsigned on others, so here two servers can disagree.
  if (value > 0x7f) {
    throw new MigrateError('PLAN_BLOCKED', {
      message:
        'The distribution column has type "char" and holds bytes beyond ASCII, whose hash depends on the platform.',
      hint: 'Distribute the table by another column.',
    });
  }
  return hashUint32(value);
}

function ofLength(length: number): KeyHash {
  return (bytes, start, end) => {
    needLength(start, end, length);
    return hashBytes(bytes, start, end);
  };
}

/** hashfloat4 and hashfloat8: both hash the double; zero has one hash whatever its sign, and so has NaN. */
function floatHash(length: 4 | 8): KeyHash {
  const wire = new DataView(new ArrayBuffer(8));
  const double = new DataView(new ArrayBuffer(8));
  const image = new Uint8Array(double.buffer);
  return (bytes, start, end) => {
    needLength(start, end, length);
    wire.setInt32(0, bigEndian(bytes, start));
    if (length === 8) wire.setInt32(4, bigEndian(bytes, start + 4));
    const value = length === 8 ? wire.getFloat64(0) : wire.getFloat32(0);
    if (value === 0) return 0;
    if (Number.isNaN(value)) {
      double.setInt32(0, 0, true);
      double.setInt32(4, 0x7ff80000, true);
    } else {
      double.setFloat64(0, value, true);
    }
    return hashBytes(image, 0, 8);
  };
}

/**
 * hash_numeric: the base-10000 digits without zeros at either end, xor the weight of the first digit. The wire
 * has int16 count, weight, sign, display scale, digits, all big-endian; the server hashes little-endian digits.
 */
function numericHash(): KeyHash {
  let digits = new Uint8Array(64);
  return (bytes, start, end) => {
    const count = (end - start - 8) / 2;
    if (count < 0 || ((bytes[start]! << 8) | bytes[start + 1]!) !== count) throw damagedKey();
    // 0xc000 NaN, 0xd000 infinity, 0xf000 minus infinity
    if (bytes[start + 4]! >= 0xc0) return 0;
    let first = start + 8;
    let last = end;
    let weight = ((bytes[start + 2]! << 24) >> 16) | bytes[start + 3]!;
    for (; first < last && bytes[first] === 0 && bytes[first + 1] === 0; first += 2) weight -= 1;
    while (last > first && bytes[last - 1] === 0 && bytes[last - 2] === 0) last -= 2;
    if (first === last) return -1;
    if (digits.length < last - first) digits = new Uint8Array((last - first) * 2);
    for (let from = first, to = 0; from < last; from += 2, to += 2) {
      digits[to] = bytes[from + 1]!;
      digits[to + 1] = bytes[from]!;
    }
    return hashBytes(digits, 0, last - first) ^ weight;
  };
}

function finish(a0: number, b0: number, c0: number): number {
  let a = a0;
  let b = b0;
  let c = c0;
  // final()
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
  return ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** One to three bytes, little-endian. */
function tail(bytes: Uint8Array, at: number, count: number): number {
  let value = bytes[at]!;
  if (count > 1) value |= bytes[at + 1]! << 8;
  if (count > 2) value |= bytes[at + 2]! << 16;
  return value;
}

function bigEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function needLength(start: number, end: number, length: number): void {
  if (end - start !== length) throw damagedKey();
}

function damagedKey(): MigrateError {
  return new MigrateError('DUMP_DAMAGED', {
    message: 'A value of the distribution column has a length that its type does not have.',
  });
}
