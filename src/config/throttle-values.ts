import { z } from 'zod';
import { parseDuration, parseSize } from '../core/format.js';
import type { ThrottleLimits, ThrottleQuery } from '../core/throttle.js';
import { choice, text, whole } from './values.js';

const MAX = Number.MAX_SAFE_INTEGER;
const OFF = 'off';

/** A limit, or `off`: none, also where another place sets one. */
const orOff = <T extends z.ZodType<number>>(limit: T, error: string) =>
  z.union([z.literal(OFF).transform(() => Number.POSITIVE_INFINITY), limit], {
    error: `${error}, or ${OFF}`,
  });

const LAG = 'expected a duration such as 10s or 500ms';
/** Milliseconds. */
export const duration = z
  .string({ error: LAG })
  .transform((value) => parseDuration(value) ?? Number.NaN)
  .refine((ms) => ms > 0, { error: LAG });

const LAG_BYTES = 'expected a size such as 64MB';
/** With its unit: a bare number could be meant as seconds. */
const lagBytes = z
  .string({ error: LAG_BYTES })
  .transform((value) => (/b$/i.test(value) ? (parseSize(value) ?? Number.NaN) : Number.NaN))
  .refine((bytes) => bytes > 0, { error: LAG_BYTES });

const ACTIVE = 'expected a whole number of connections';
const active = z.int({ error: ACTIVE }).min(0, { error: ACTIVE }).max(MAX, { error: ACTIVE });

const object = { error: 'expected keys and values' };

const query = z.union(
  [
    text('a SELECT').transform((sql): ThrottleQuery => ({ sql, on: 'target', limit: 0 })),
    z
      .strictObject(
        {
          sql: text('a SELECT'),
          on: choice(['source', 'target']).optional(),
          limit: z.number({ error: 'expected a number' }).optional(),
        },
        object,
      )
      .transform(({ sql, on = 'target', limit = 0 }): ThrottleQuery => ({ sql, on, limit })),
  ],
  { error: 'expected a SELECT, or sql with on (source or target) and limit' },
);

/** `throttle` in the configuration file and in the control file. */
export const throttleFile = z
  .strictObject(
    {
      replicationLag: orOff(duration, LAG).optional(),
      replicationLagBytes: orOff(lagBytes, LAG_BYTES).optional(),
      activeConnections: orOff(active, ACTIVE).optional(),
      queries: z.array(query, { error: 'expected a list of queries' }).optional(),
    },
    object,
  )
  .transform((limits): ThrottleLimits => limits);

const FORMS = 'expected lag=10s, lag=64MB, active=50, query=SELECT … or source-query=SELECT …';

/** One `--throttle`: what it limits, or what is wrong with it. */
function parseLimit(given: string): ThrottleLimits | string {
  const [, kind, value] = /^([a-z-]+)=(.+)$/s.exec(given.trim()) ?? [];
  if (kind === undefined || value === undefined) return FORMS;
  const number = (schema: z.ZodType<number>) => schema.safeParse(value);
  switch (kind) {
    case 'lag': {
      if (value === OFF) return { replicationLag: Infinity, replicationLagBytes: Infinity };
      const time = number(duration);
      const size = number(lagBytes);
      if (time.success) return { replicationLag: time.data };
      if (size.success) return { replicationLagBytes: size.data };
      return `lag: ${LAG}, or a size such as 64MB`;
    }
    case 'active': {
      if (value === OFF) return { activeConnections: Infinity };
      const count = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      return Number.isNaN(count) ? `active: ${ACTIVE}` : { activeConnections: count };
    }
    case 'query':
    case 'source-query':
      return { queries: [{ sql: value, on: kind === 'query' ? 'target' : 'source', limit: 0 }] };
    default:
      return FORMS;
  }
}

/** The values of `--throttle`, which may be repeated; each that is wrong is a problem of its own. */
export const throttleFlags = z.array(z.string()).transform((given, context): ThrottleLimits => {
  let limits: ThrottleLimits = {};
  for (const one of given) {
    const parsed = parseLimit(one);
    if (typeof parsed === 'string') {
      context.addIssue({ code: 'custom', message: parsed, input: one });
      continue;
    }
    const queries = [...(limits.queries ?? []), ...(parsed.queries ?? [])];
    limits = { ...limits, ...parsed, ...(queries.length > 0 ? { queries } : {}) };
  }
  return limits;
});

/** Bytes per second, or `off`, which becomes 0. */
export const rate = () => {
  const error = 'expected bytes per second of at least 32kB such as 50MB, or off';
  return z
    .union([z.string(), z.number()], { error })
    .transform((value) => (value === OFF ? 0 : (parseSize(String(value).replace(/\/s$/, '')) ?? Number.NaN)))
    .refine((bytes) => bytes === 0 || bytes >= 32 * 1024, { error });
};

export const connectionReserve = () => whole(0, 10_000);
