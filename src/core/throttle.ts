import { formatBytes, formatCount, formatDuration } from './format.js';

/** A statement of the user's whose answer is a reason to pause. */
export interface ThrottleQuery {
  /** SELECT of one row with one column: a boolean, or a number. */
  readonly sql: string;
  readonly on: 'source' | 'target';
  /** A number above this is a reason; `true` always is. */
  readonly limit: number;
}

/** Limits above which work pauses. Infinity, like absence, is none. */
export interface ThrottleLimits {
  /** Milliseconds that a standby may be behind in replaying. */
  readonly replicationLag?: number;
  /** Bytes of log that a standby may not have replayed. */
  readonly replicationLagBytes?: number;
  /** Connections of others that may be active on one node. */
  readonly activeConnections?: number;
  readonly queries?: readonly ThrottleQuery[];
}

export interface StandbyState {
  readonly node: string;
  /** application_name of the standby. */
  readonly standby: string;
  readonly behindMs: number;
  readonly behindBytes: number;
}

export interface ActiveState {
  readonly node: string;
  readonly active: number;
}

export interface QueryAnswer {
  readonly query: ThrottleQuery;
  readonly answer: boolean | number;
}

/** What was seen at one look; `failures` are checks that could not be made, in words. */
export interface Observed {
  readonly standbys: readonly StandbyState[];
  readonly active: readonly ActiveState[];
  readonly answers: readonly QueryAnswer[];
  readonly failures: readonly string[];
}

export type ReasonKind = 'control' | 'check' | 'lag' | 'active' | 'query';

export interface Reason {
  readonly kind: ReasonKind;
  readonly text: string;
}

const limited = (limit: number | undefined): limit is number => limit !== undefined && limit !== Infinity;

/** Which checks the limits need. */
export function checksOf(limits: ThrottleLimits): { lag: boolean; active: boolean; queries: boolean } {
  return {
    lag: limited(limits.replicationLag) || limited(limits.replicationLagBytes),
    active: limited(limits.activeConnections),
    queries: (limits.queries ?? []).length > 0,
  };
}

function lagReason(
  { node, standby, behindMs, behindBytes }: StandbyState,
  { replicationLag = Infinity, replicationLagBytes = Infinity }: ThrottleLimits,
): Reason[] {
  const over = [
    ...(behindMs > replicationLag
      ? [`${formatDuration(behindMs)} (limit ${formatDuration(replicationLag)})`]
      : []),
    ...(behindBytes > replicationLagBytes
      ? [`${formatBytes(behindBytes)} (limit ${formatBytes(replicationLagBytes)})`]
      : []),
  ];
  if (over.length === 0) return [];
  return [{ kind: 'lag', text: `standby ${standby} of ${node} is ${over.join(' and ')} behind` }];
}

function queryReason({ query, answer }: QueryAnswer): Reason[] {
  if (answer === true) return [{ kind: 'query', text: `the query on the ${query.on} answers true` }];
  if (answer === false || answer <= query.limit) return [];
  return [
    {
      kind: 'query',
      text: `the query on the ${query.on} answers ${answer} (limit ${query.limit})`,
    },
  ];
}

/** Every reason to pause; any one is enough. `paused`: the control file says so. */
export function reasonsToPause(limits: ThrottleLimits, paused: boolean, observed: Observed): Reason[] {
  const { activeConnections = Infinity } = limits;
  return [
    ...(paused ? [{ kind: 'control', text: 'the control file says so' } as const] : []),
    ...observed.failures.map((text) => ({ kind: 'check', text }) as const),
    ...observed.standbys.flatMap((standby) => lagReason(standby, limits)),
    ...observed.active
      .filter(({ active }) => active > activeConnections)
      .map(({ node, active }) => ({
        kind: 'active' as const,
        text: `${formatCount(active)} connections of others are active on ${node} (limit ${formatCount(activeConnections)})`,
      })),
    ...observed.answers.flatMap(queryReason),
  ];
}

/** The limits of `base` with those of `over` in their place, each by itself. */
export const withLimits = (base: ThrottleLimits, over: ThrottleLimits): ThrottleLimits => ({
  ...base,
  ...over,
});
