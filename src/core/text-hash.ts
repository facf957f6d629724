import { MigrateError } from './errors.js';
import { hashBlankPadded, hashBytes, hashInt64, type KeyHash } from './hash.js';

const BACKSLASH = 0x5c;
const HYPHEN = 0x2d;

/** Types whose text is the decimal integer that hashint2/4/8 hash; date and money share these functions. */
const INTEGER_TYPES = new Set(['smallint', 'integer', 'bigint', 'oid']);

/**
 * The hash over a field as text COPY carries it, still escaped, for keys that are text, integers or uuids;
 * undefined for others, whose tables go through the coordinator. `type` is the key's type as format_type prints
 * it. The result throws DUMP_DAMAGED for text that the type cannot have printed.
 */
export function textHash(hashFunction: string, type: string): KeyHash | undefined {
  switch (hashFunction) {
    case 'hashtext':
    case 'hashname':
      return unescaped(hashBytes);
    case 'hashbpchar':
      return unescaped(hashBlankPadded);
    case 'hashint2':
    case 'hashint4':
    case 'hashint8':
    case 'hashoid':
      return INTEGER_TYPES.has(type) ? hashDecimal : undefined;
    case 'uuid_hash':
      return uuidHash();
    default:
      return undefined;
  }
}

/** Most fields have no escape and are hashed where they lie. */
function unescaped(hash: KeyHash): KeyHash {
  let plain = new Uint8Array(256);
  return (bytes, start, end) => {
    let at = start;
    while (at < end && bytes[at] !== BACKSLASH) at += 1;
    if (at === end) return hash(bytes, start, end);
    if (plain.length < end - start) plain = new Uint8Array((end - start) * 2);
    return hash(plain, 0, unescapeText(bytes, start, end, plain));
  };
}

/**
 * Writes the value of the escaped field `bytes[start, end)` into `out`, which is never shorter than the field;
 * returns its length. COPY TO escapes with letters and doubles backslashes; COPY FROM also reads octal and hex.
 */
export function unescapeText(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let size = 0;
  let at = start;
  while (at < end) {
    let byte = bytes[at++]!;
    if (byte === BACKSLASH && at < end) {
      byte = bytes[at++]!;
      const letter = ESCAPES.get(byte);
      if (letter !== undefined) {
        byte = letter;
      } else if (digit(byte) < 8) {
        byte = digit(byte);
        for (let more = 0; more < 2 && at < end && digit(bytes[at]!) < 8; more++)
          byte = byte * 8 + digit(bytes[at++]!);
      } else if (byte === 0x78 && at < end && digit(bytes[at]!) < 16) {
        byte = digit(bytes[at++]!);
        if (at < end && digit(bytes[at]!) < 16) byte = byte * 16 + digit(bytes[at++]!);
      }
    }
    out[size++] = byte;
  }
  return size;
}

/** The letters of \b \f \n \r \t \v. */
const ESCAPES = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x76, 0x0b],
]);

/** hashint2, hashint4, hashint8 and hashoid, which agree on equal values. */
function hashDecimal(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === HYPHEN;
  const first = negative ? start + 1 : start;
  if (first === end || end - first > 19) throw damagedKey();
  let value = 0;
  for (let at = first; at < end; at++) {
    const next = bytes[at]! - 0x30;
    if (next < 0 || next > 9) throw damagedKey();
    value = value * 10 + next;
  }
  // Fifteen digits are exact in a double.
  if (end - first <= 15) {
    const exact = negative ? -value : value;
    return hashInt64(Math.floor(exact / 2 ** 32) | 0, exact | 0);
  }
  const long = BigInt(String.fromCharCode(...bytes.subarray(start, end)));
  if (BigInt.asIntN(64, long) !== long) throw damagedKey();
  return hashInt64(Number(BigInt.asIntN(32, long >> 32n)), Number(BigInt.asIntN(32, long)));
}

/** A uuid prints as 8-4-4-4-12 hex digits. */
function uuidHash(): KeyHash {
  const binary = new Uint8Array(16);
  return (bytes, start, end) => {
    if (end - start !== 36) throw damagedKey();
    let at = start;
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) {
        if (bytes[at++] !== HYPHEN) throw damagedKey();
      }
      const high = digit(bytes[at++]!);
      const low = digit(bytes[at++]!);
      if (high > 15 || low > 15) throw damagedKey();
      binary[index] = high * 16 + low;
    }
    return hashBytes(binary, 0, 16);
  };
}

/** Value of a hex digit; 16 for every other byte. */
function digit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 16;
}

function damagedKey(): MigrateError {
  return new MigrateError('DUMP_DAMAGED', {
    message: 'A value of the distribution column has a form that its type does not have.',
  });
}
