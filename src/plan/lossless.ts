import { canonicalType, type TypeParts, typeParts } from './types.js';

/** Decimal digits that an integer type can need. */
const DIGITS: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };

/** Types that keep any string as it is, whatever they think of its order. */
const STRINGS = new Set(['text', 'character varying', 'citext']);

/** Pairs whose every value reads the same after a way there and back, without lengths or precisions. */
const PAIRS = new Set([
  'smallint integer',
  'smallint bigint',
  'integer bigint',
  'smallint real',
  'smallint double precision',
  'integer double precision',
  'real double precision',
  'date timestamp without time zone',
  'jsonb json',
  'cidr inet',
  'macaddr macaddr8',
]);

/** Types whose modifier is a greatest length; those on the left also fit the ones on the right. */
const LENGTHS: Readonly<Record<string, readonly string[]>> = {
  'character varying': ['character varying'],
  character: ['character varying', 'character'],
  'bit varying': ['bit varying'],
  bit: ['bit varying'],
};

/** Types whose modifier is a number of fractional digits of a second; all of them (6) without one. */
const SECONDS = /^(?:time|timestamp) with(?:out)? time zone$/;

/**
 * True when no value of type `from` can lose anything as a value of type `to`: cast there and back, it is the same
 * byte for byte. Types as format_type prints them. An allow-list, so a pair that nobody has thought of is false.
 */
export function isLossless(from: string, to: string): boolean {
  const source = partsOf(from);
  const target = partsOf(to);
  if (sameParts(source, target)) return true;
  // The text that a type writes, it reads as the same value; sessions pin the settings that change it. A bpchar
  // without a length keeps blanks at the end, which its text has no more.
  if (source.base !== 'bpchar' && STRINGS.has(target.base) && target.modifier === '') {
    return target.array === '' || source.array === target.array;
  }
  if (isVectorForm(source) && isVectorForm(target)) return holdsFloats(source, target);
  if (source.array !== target.array) return false;
  return elementFits(source, target);
}

const partsOf = (type: string): TypeParts => {
  const { base, modifier, array } = typeParts(canonicalType(type));
  // Without a length, these two have the length 1.
  const length = modifier === '' && /^(?:character|bit)$/.test(base) ? '(1)' : modifier;
  return { base: base.replace(/^.*\.(citext|ruvector|vector|halfvec)$/, '$1'), modifier: length, array };
};

const sameParts = (one: TypeParts, other: TypeParts): boolean =>
  one.base === other.base && one.modifier === other.modifier && one.array === other.array;

const FLOATS = /^(?:real|double precision)$/;

const isVectorForm = ({ base, array }: TypeParts): boolean =>
  array === '' ? /^(?:ruvector|vector|halfvec)$/.test(base) : array === '[]' && FLOATS.test(base);

/** Numbers in four bytes each fit wherever four bytes are; those of a halfvec fit everywhere. */
function holdsFloats(source: TypeParts, target: TypeParts): boolean {
  if (target.base === 'halfvec' || source.base === 'double precision') return source.base === target.base;
  // Another dimension is refused aloud, never cut.
  return true;
}

function elementFits(source: TypeParts, target: TypeParts): boolean {
  if (PAIRS.has(`${source.base} ${target.base}`)) return target.modifier === '' || target.modifier === '(6)';
  if (target.base === 'numeric') return fitsNumeric(source, target);
  if (SECONDS.test(source.base)) {
    return source.base === target.base && precision(source, 6) <= precision(target, 6);
  }
  const { base, modifier } = source;
  if (LENGTHS[base]?.includes(target.base)) {
    // No modifier: no limit.
    return target.modifier === '' || (modifier !== '' && precision(source, 0) <= precision(target, 0));
  }
  return false;
}

const precision = ({ modifier }: TypeParts, otherwise: number): number =>
  modifier === '' ? otherwise : Number(modifier.slice(1, -1));

/** Digits before and behind the point; undefined: any number of them. */
function digits({ base, modifier }: TypeParts): { before: number; behind: number } | undefined {
  const whole = DIGITS[base];
  if (whole !== undefined) return { before: whole, behind: 0 };
  if (modifier === '') return undefined;
  const [all, behind = 0] = modifier.slice(1, -1).split(',').map(Number);
  return { before: all! - behind, behind };
}

function fitsNumeric(source: TypeParts, target: TypeParts): boolean {
  if (source.base !== 'numeric' && DIGITS[source.base] === undefined) return false;
  const room = digits(target);
  if (room === undefined) return true;
  const need = digits(source);
  return need !== undefined && need.before <= room.before && need.behind <= room.behind;
}

const LOSSES: readonly (readonly [to: RegExp, loss: string])[] = [
  [
    /^(?:character|character varying|bit|bit varying)$/,
    'what is longer is cut, and blanks at the end may go',
  ],
  [/^numeric$/, 'digits that it has no room for are rounded off, or decimals are added'],
  [
    /^(?:smallint|integer|bigint)$/,
    'decimals and zeros in front are rounded off, and larger numbers refused',
  ],
  [/^real$/, 'digits after the sixth may change'],
  [/^double precision$/, 'digits after the fifteenth may change'],
  [/^halfvec$/, 'digits after the third may change'],
  [/^date$/, 'the time of day is cut off'],
  [/^time/, 'the date, the time zone or fractions of a second are cut off, or UTC is taken as the zone'],
  [/^jsonb$/, 'blanks, the order of keys and all but the last of equal keys go'],
];

/** What a mapping that is not lossless may lose, as a clause about the values. */
export function lossOf(to: string): string {
  const { base } = partsOf(to);
  return (
    LOSSES.find(([type]) => type.test(base))?.[1] ??
    'what the new type writes otherwise or cannot hold changes'
  );
}
