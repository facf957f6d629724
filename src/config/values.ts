import { z } from 'zod';
import { parseSize } from '../core/format.js';
import { Secret } from '../core/secret.js';

// One schema per kind of value, each with one message that says what is expected and repeats nothing.

export const text = (what: string) =>
  z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });

export const secretText = (what: string) => text(what).transform((value) => new Secret(value));

export const yesNo = () => z.boolean({ error: 'expected true or false' });

export const whole = (min: number, max: number) => {
  const error =
    max === Number.MAX_SAFE_INTEGER
      ? `expected a whole number of at least ${min}`
      : `expected a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `expected one of ${values.join(', ')}` });

/** Bytes: a number, or a text such as 64MB (multiples of 1024). */
export const size = (min: number) => {
  const error = `expected a size of at least ${min} bytes such as 64MB or 1GB`;
  return z
    .union([z.number(), z.string()], { error })
    .transform((value) => parseSize(String(value)) ?? Number.NaN)
    .refine((bytes) => Number.isSafeInteger(bytes) && bytes >= min, { error });
};

/** A share of a whole: a number above 0 up to 100 with at most two decimals, with or without its sign. */
export const percentage = () => {
  const error = 'expected a percentage such as 5% or 0.25%';
  return z
    .union([z.number(), z.string()], { error })
    .transform((value) => Number(/^(\d{1,3}(?:\.\d{1,2})?)\s*%?$/.exec(String(value).trim())?.[1]))
    .refine((percent) => percent > 0 && percent <= 100, { error });
};

/** A name or a list of names. */
export const names = (what: string) =>
  z
    .union([z.string(), z.array(z.string())], { error: `expected ${what} or a list of them` })
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .refine((list) => list.every((name) => name.trim() !== ''), {
      error: `expected ${what}, found an empty name`,
    });

const NODE = /^(?:\[[0-9a-f:.]+\]|[^\s:/@]+):([1-9]\d{0,4})$/i;

export const nodeAddress = () => {
  const error = 'expected host:port';
  return z
    .string({ error })
    .refine((value) => Number(NODE.exec(value)?.[1] ?? Number.POSITIVE_INFINITY) <= 65_535, { error });
};

export const mapping = (value: z.ZodType<string, string>, what: string) =>
  z.record(z.string(), value, { error: `expected ${what}` });

/** `2026-03-14`. A YAML reader may take it for a date already, or leave it as text. */
export const day = () => {
  const error = 'expected a day such as 2026-03-14';
  return z
    .string({ error })
    .refine((value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(`${value}T00:00:00Z`)), {
      error,
    });
};
