const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** East Asian Wide and Fullwidth blocks, as first–last code point pairs (Unicode UAX #11, whole blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

interface Unicode {
  readonly segmenter: Intl.Segmenter;
  readonly emoji: RegExp;
  readonly zero: RegExp;
}

let known: Unicode | undefined;

/** Unicode's tables take 10 ms to load, and most texts never need them. */
function unicode(): Unicode {
  known ??= {
    segmenter: new Intl.Segmenter('en', { granularity: 'grapheme' }),
    emoji: /\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|\p{Regional_Indicator}/u,
    zero: /^[\p{Mark}\p{Cf}\p{Cc}]+$/u,
  };
  return known;
}

function graphemeWidth(grapheme: string): number {
  const { zero, emoji } = unicode();
  if (zero.test(grapheme)) return 0;
  if (emoji.test(grapheme)) return 2;
  const point = grapheme.codePointAt(0)!;
  return WIDE.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}

/** Columns that a text takes on a terminal: wide letters and emoji take two, combining marks and colours none. */
export function displayWidth(text: string): number {
  const plain = text.replace(ANSI, '');
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of unicode().segmenter.segment(plain)) width += graphemeWidth(segment);
  return width;
}

/** At most `width` columns of an uncoloured text; what is cut off shows as `…`. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  let kept = '';
  let used = 0;
  for (const { segment } of unicode().segmenter.segment(text)) {
    const next = graphemeWidth(segment);
    if (used + next > width - 1) break;
    kept += segment;
    used += next;
  }
  return `${kept}…`;
}

/** Filled with blanks up to `width` columns; a longer text stays as it is. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
