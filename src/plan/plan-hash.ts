import { createHash } from 'node:crypto';
import type { Plan } from '../core/plan-types.js';

/** JSON with sorted keys: equal values have equal texts. */
export function canonicalJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, part: unknown) => (isObject(part) ? sortKeys(part) : part), indent);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sortKeys = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));

/** sha256, hex, over the decisions: two plans with it equal move the same rows to the same places. */
export function planHash(plan: Omit<Plan, 'planHash' | 'formatVersion' | 'findings'>): string {
  const { catalog, scope, extensions, tables, foreignKeys } = plan;
  return createHash('sha256')
    .update(canonicalJson({ catalog, scope, extensions, tables, foreignKeys }))
    .digest('hex');
}
