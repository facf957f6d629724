import type { ChecklistFacts } from './facts.js';
import { type GoNoGo, goNoGo, type LatencyLimits } from './go-no-go.js';
import { CHECKLIST, type Role, type Tick } from './steps.js';

export interface ChecklistOptions {
  /** Day of the cut-over, `2026-03-14`; absent: steps have their distance to it alone. */
  readonly day?: string;
  /** Who plays which part, by name. */
  readonly owners: Readonly<Partial<Record<Role, string>>>;
  readonly limits: LatencyLimits;
}

export interface TickedStep extends Tick {
  readonly id: string;
  readonly day: number;
  readonly date?: string;
  readonly owner: string;
  readonly does: string;
  readonly commands: readonly string[];
  readonly expect: string;
  readonly abort: string;
}

export interface Checklist {
  readonly phase: string;
  readonly next: string | null;
  readonly steps: readonly TickedStep[];
  readonly goNoGo: GoNoGo;
  readonly unreachable: ChecklistFacts['status']['unreachable'];
}

const DAY_MS = 86_400_000;

/** `2026-03-14` and 7 → `2026-03-21`. */
export const dateOf = (day: string, offset: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + offset * DAY_MS).toISOString().slice(0, 10);

/** The checklist with every step ticked that the evidence speaks for. */
export function buildChecklist(facts: ChecklistFacts, { day, owners, limits }: ChecklistOptions): Checklist {
  const { phase, next, unreachable } = facts.status;
  const steps = CHECKLIST.map(
    ({ tick, role, ...step }): TickedStep => ({
      ...step,
      ...(day === undefined ? {} : { date: dateOf(day, step.day) }),
      owner: owners[role] ?? role,
      ...tick(facts),
    }),
  );
  return { phase, next, steps, goNoGo: goNoGo(facts, limits), unreachable };
}
