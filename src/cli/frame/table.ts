import { displayWidth, pad, truncate } from '../../core/text-width.js';
import type { TextStyle } from './command.js';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Paint = keyof typeof CODES;

/** Coloured text where colours are on; the same text otherwise. */
export function paint(text: string, color: Paint, style: TextStyle): string {
  return style.colors && text !== '' ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text;
}

/** Colours only on a terminal that can show them, and never against NO_COLOR (no-color.org: any value but none). */
export function textStyle(stream: { isTTY?: boolean; columns?: number }, env: NodeJS.ProcessEnv): TextStyle {
  const terminal = stream.isTTY === true;
  return {
    colors: terminal && !env.NO_COLOR && env.TERM !== 'dumb',
    ...(terminal && stream.columns !== undefined ? { columns: stream.columns } : {}),
  };
}

export interface Column {
  readonly header: string;
  readonly align?: 'left' | 'right';
  /** May be cut when the terminal is too narrow; others never are. */
  readonly flexible?: boolean;
  readonly color?: (cell: string) => Paint | undefined;
}

const GAP = '  ';
const NARROWEST = 8;

/** Takes the columns that are too many from the widest flexible ones. */
function fit(widths: readonly number[], columns: readonly Column[], available: number | undefined): number[] {
  const fitted = [...widths];
  if (available === undefined) return fitted;
  let over = fitted.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1) - available;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      if (column.flexible && fitted[index]! > NARROWEST && (widest < 0 || fitted[index]! > fitted[widest]!))
        widest = index;
    });
    if (widest < 0) break;
    fitted[widest]! -= 1;
    over -= 1;
  }
  return fitted;
}

/**
 * Aligned columns under headers, one line per row, without a closing line end. Line breaks and control characters in
 * cells show as blanks.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: TextStyle,
): string {
  const clean = rows.map((row) => columns.map((_, index) => (row[index] ?? '').replace(/\p{Cc}+/gu, ' ')));
  const natural = columns.map((column, index) =>
    Math.max(displayWidth(column.header), ...clean.map((row) => displayWidth(row[index]!))),
  );
  const widths = fit(natural, columns, style.columns);
  const line = (
    cells: readonly string[],
    color: (column: Column, cell: string) => Paint | undefined,
  ): string =>
    columns
      .map((column, index) => {
        const cell = truncate(cells[index]!, widths[index]!);
        const padded = pad(cell, widths[index]!, column.align ?? 'left');
        const chosen = color(column, cells[index]!);
        return chosen === undefined ? padded : padded.replace(cell, () => paint(cell, chosen, style));
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      columns.map((column) => column.header),
      () => 'bold',
    ),
    ...clean.map((row) => line(row, (column, cell) => column.color?.(cell))),
  ].join('\n');
}
