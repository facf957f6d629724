import type { z } from 'zod';

/**
 * `flag`: stands alone; `text`: takes a value; `number`: takes a value of digits; `list`: takes names separated by
 * commas and may be repeated; `texts`: takes a value as it is and may be repeated.
 */
export type OptionKind = 'flag' | 'text' | 'number' | 'list' | 'texts';

export interface OptionSpec {
  /** Without dashes; default: the option's own name. */
  readonly flag: string;
  readonly alias?: string;
  readonly env?: string;
  /** Where the value lands in Config, as a dotted path; the same path names it in the configuration file. */
  readonly key: string;
  readonly kind: OptionKind;
  readonly value: z.ZodType;
  /** `text`: the value may be left out, and is empty then. */
  readonly optional?: true;
  /** What stands for the value in help. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  readonly describe: string;
  /** Default as help shows it. */
  readonly shownDefault?: string;
  /** Every command takes it. */
  readonly everywhere?: true;
}

/** Keeps the names of the entries, and holds each to the shape. */
export const define = <const T extends Record<string, OptionSpec>>(table: T): T => table;
