import type { Severity } from '../../core/plan-types.js';

export interface FindingEntry {
  readonly severity: Severity;
  /** What is there. */
  readonly what: string;
  /** What it means for the move. */
  readonly consequence: string;
  /** What the operator can do. */
  readonly remedy: string;
}

export const entry = (
  severity: Severity,
  what: string,
  consequence: string,
  remedy: string,
): FindingEntry => ({
  severity,
  what,
  consequence,
  remedy,
});
