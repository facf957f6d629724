import type { Database } from '../../citus/database.js';
import { formatDuration } from '../../core/format.js';
import { type EvidenceRow, readEvidence } from '../../ledger/record.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds } from './gate.js';

/** What a run of `verify` recorded. */
export interface Verification {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly verdict: string;
  /** All rows of all tables were compared, by their values. */
  readonly whole: boolean;
  /** As of one moment of the source. Every pass since was compared before it was committed, so it still holds. */
  readonly live: boolean;
  readonly planHash: string;
}

export interface VerifiedFacts {
  readonly now: number;
  readonly verifications: readonly Verification[];
  /** When rows were last loaded, and when captured changes were last applied. */
  readonly loadedAt?: number;
  readonly appliedAt?: number;
}

const AGAIN = 'Run `migrate verify --live` (or `migrate verify` while nothing is written).';

export function assessVerified(facts: VerifiedFacts, planHash: string, maxAge: number): Finding {
  const { now, loadedAt = 0, appliedAt = 0 } = facts;
  const inOrder = [...facts.verifications].sort((one, other) => one.at - other.at);
  const last = inOrder.findLast(({ whole }) => whole);
  if (last === undefined) return fails('no verification of all tables is recorded', AGAIN);
  const wrong = inOrder.findLast(({ at, verdict }) => at >= last.at && verdict !== 'match');
  const ago = (at: number): string => `${formatDuration(Math.max(0, now - at))} ago`;
  if (wrong !== undefined)
    return fails(
      `the last verification, ${ago(wrong.at)}, found: ${wrong.verdict}`,
      `See what differs (\`migrate verify\`), mend it, and verify again. ${AGAIN}`,
    );
  if (last.planHash !== planHash) return fails('the last verification was of another plan', AGAIN);
  if (now - last.at > maxAge)
    return fails(
      `the last match is from ${ago(last.at)}, and may be ${formatDuration(maxAge)} old`,
      `${AGAIN} Or allow more in the configuration (gates.verificationAge).`,
    );
  if (loadedAt > last.at) return fails(`rows were loaded ${ago(loadedAt)}, after the last match`, AGAIN);
  if (!last.live && appliedAt > last.at)
    return fails(
      `changes were applied ${ago(appliedAt)}, after the last match, which was not --live`,
      'Run `migrate verify --live`: passes that follow it are compared one by one.',
    );
  return holds(
    last.live
      ? `a match ${ago(last.at)} as of one moment of the source; every pass since was compared`
      : `a match ${ago(last.at)}; nothing was applied since`,
  );
}

const toVerification = ({ at, detail }: EvidenceRow): Verification => ({
  at: Date.parse(at),
  verdict: String(detail.verdict),
  whole: detail.whole === true,
  live: detail.live === true,
  planHash: String(detail.planHash),
});

/** Both sides keep a record, unless one of them may not be written to: the later counts. */
async function readBoth(source: Database, target: Database): Promise<EvidenceRow[]> {
  const read = await Promise.all([source, target].map(({ session }) => readEvidence(session)));
  return read.flat();
}

async function lastApplied({ session }: Database): Promise<number | undefined> {
  const { made } = await session.one<{ made: boolean }>(
    `SELECT to_regclass('citus_migrate.capture') IS NOT NULL AS made`,
  );
  if (!made) return undefined;
  const [row] = await session.query<{ at: string | null }>(sql('cutover/last-applied'));
  return row?.at == null ? undefined : Date.parse(row.at);
}

export const verified: GateCheck = {
  gate: 'verified',
  title: 'both sides were found to be the same',
  directions: ['forward'],
  async check({ source, target, plan, limits }, { clock }) {
    const evidence = await readBoth(source, target);
    const verifications = evidence
      .filter(({ kind, detail }) => kind === 'verification' && detail.direction === 'forward')
      .map(toVerification);
    const loads = evidence.filter(({ kind }) => kind === 'load').map(({ at }) => Date.parse(at));
    const appliedAt = await lastApplied(source);
    const facts = {
      now: clock.now(),
      verifications,
      ...(loads.length > 0 ? { loadedAt: Math.max(...loads) } : {}),
      ...(appliedAt === undefined ? {} : { appliedAt }),
    };
    return assessVerified(facts, plan.planHash, limits.verificationAge);
  },
};
