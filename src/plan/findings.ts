import type { Named } from '../core/catalog-types.js';
import { displayName } from '../core/names.js';
import type { Finding } from '../core/plan-types.js';
import { FINDINGS, type FindingCode } from './finding-codes.js';
import { compareText, sorted } from './order.js';

export interface FindingPlace {
  readonly table?: Named;
  readonly object?: string;
}

/** A finding of the registry with its message and remedy filled in: `{x}` stands for `values.x`. */
export function finding(
  code: FindingCode,
  place: FindingPlace = {},
  values: Readonly<Record<string, string | number>> = {},
): Finding {
  const entry = FINDINGS[code];
  const known: Readonly<Record<string, string | number>> = {
    ...(place.table ? { table: displayName(place.table) } : {}),
    ...(place.object ? { object: place.object } : {}),
    ...values,
  };
  const fill = (text: string): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(known[name]));
  return {
    code,
    severity: entry.severity,
    ...(place.table ? { table: displayName(place.table) } : {}),
    ...(place.object ? { object: place.object } : {}),
    message: fill(`${entry.what} ${entry.consequence}`),
    remedy: fill(entry.remedy),
  };
}

const RANK = { blocker: 0, warning: 1, info: 2 } as const;

/** Blockers first, then by table, code and object. */
export function sortFindings(findings: Iterable<Finding>): Finding[] {
  return sorted(
    findings,
    (left, right) =>
      RANK[left.severity] - RANK[right.severity] ||
      compareText(left.table ?? '', right.table ?? '') ||
      compareText(left.code, right.code) ||
      compareText(left.object ?? '', right.object ?? '') ||
      compareText(left.message, right.message),
  );
}
