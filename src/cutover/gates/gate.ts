import type { Database } from '../../citus/database.js';
import type { Context } from '../../core/context.js';
import type { Plan } from '../../core/plan-types.js';
import type { Direction } from '../../plan/projection.js';

/** `accepted`: it does not hold, or nobody knows, and the operator goes on all the same. */
export type GateVerdict = 'holds' | 'fails' | 'inconclusive' | 'accepted';

/** What a gate found: the verdict, what it rests on, and what makes it hold. Never row values. */
export interface Finding {
  readonly verdict: Exclude<GateVerdict, 'accepted'>;
  readonly evidence: string;
  /** Absent where it holds. */
  readonly remedy?: string;
}

export const holds = (evidence: string): Finding => ({ verdict: 'holds', evidence });
export const fails = (evidence: string, remedy: string): Finding => ({ verdict: 'fails', evidence, remedy });
export const unknown = (evidence: string, remedy: string): Finding => ({
  verdict: 'inconclusive',
  evidence,
  remedy,
});

/** Limits of the configuration; times in milliseconds. */
export interface GateLimits {
  /** Age of the oldest change that waits to be applied. */
  readonly maxLag: number;
  /** Age of the last verification. */
  readonly verificationAge: number;
  /** How far a standby may be behind. */
  readonly standbyLag: number;
  readonly standbyLagBytes: number;
  /** Age of the oldest transaction on the side that gives writes away. */
  readonly longTransaction: number;
  /** A file that the operator's backup ended with, or left a mark in. */
  readonly backupFile?: string;
  /** A restore point that the operator has made. */
  readonly restorePoint?: string;
  readonly backupAge: number;
}

/** Of the capture that brings the cluster's writes back. */
export interface ReverseFacts {
  readonly installed: boolean;
  /** Why changes would not come back. */
  readonly problems: readonly string[];
  /** When what was written on every node to try it last came back, in UTC; null: that never was, or counts no longer. */
  readonly provenAt: string | null;
  /** Those nodes. */
  readonly nodes?: readonly string[];
  /** Why there is no proof: it was not tried yet, or the last try counts no longer. */
  readonly unproven?: string;
  /** What did not come back when it was tried, one sentence each. */
  readonly failed?: readonly string[];
}

export interface GateRequest {
  readonly source: Database;
  readonly target: Database;
  readonly plan: Plan;
  /** `forward`: writes go to the target; `reverse`: back to the source. */
  readonly direction: Direction;
  readonly limits: GateLimits;
  /** Connections that stay free for others on every node. */
  readonly connectionReserve: number;
  /**
   * `movable`: the sequences of the side that takes the writes can be moved ahead, as the cut-over does while writes
   * are held; `ahead`: they have been.
   */
  readonly sequences: 'movable' | 'ahead';
  /** Absent: nothing brings writes back. */
  readonly reverse?: () => Promise<ReverseFacts>;
}

/** One condition for moving writes: reads facts on both sides, changes nothing. */
export interface GateCheck {
  readonly gate: string;
  /** What has to be so, in a few words. */
  readonly title: string;
  /** The moves that it is a condition of. */
  readonly directions: readonly Direction[];
  check(request: GateRequest, context: Context): Promise<Finding>;
}

/** The side that takes the writes, and the one that gives them away. */
export const sidesOf = ({
  source,
  target,
  direction,
}: GateRequest): { taking: Database; giving: Database } =>
  direction === 'forward' ? { taking: target, giving: source } : { taking: source, giving: target };

/** The first of some names, and how many more there are. */
export const some = (names: readonly string[], most = 5): string =>
  names.length <= most
    ? names.join(', ')
    : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
