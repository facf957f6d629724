import type { Database } from '../citus/database.js';
import { MigrateError } from '../core/errors.js';
import type { OwnershipRow } from '../core/ownership.js';
import { PHASE_TABLE, type Phase, phaseOf } from '../core/phases.js';
import { reverseStatus } from '../dualwrite/reverse-status.js';
import { type ShimStatus, shimStatus } from '../dualwrite/status.js';
import { type EvidenceRow, type PhaseRow, readEvidence, readPhases } from '../ledger/record.js';
import { sql } from '../postgres/sql-files.js';
import { mergeOwnership, ownershipOf, readOwnership, shareOf } from './standing.js';

/** What one side tells of the migration. */
export interface SideStanding {
  readonly phases: readonly PhaseRow[];
  readonly evidence: readonly EvidenceRow[];
  readonly ownership: readonly OwnershipRow[] | undefined;
  /** Table → rows that the ledger knows of. */
  readonly loaded: ReadonlyMap<string, number>;
  /** Of the shim that captures this side's writes; null: there is none. 'unknown': not every node answered. */
  readonly shim: ShimStatus | null | 'unknown';
}

/** A side that was reached, or why it was not. */
export type Reached = { readonly standing: SideStanding } | { readonly unreachable: string };

export interface TableStatus {
  readonly table: string;
  /** Rows that were loaded; null: the target was not reached. */
  readonly rows: number | null;
  readonly captured: boolean | null;
  /** Changes that wait; null: the source was not reached, or nothing is captured. */
  readonly changes: number | null;
}

export interface MigrationStatus {
  readonly phase: Phase;
  readonly meaning: string;
  /** When the phase was recorded, and by which run; null where it follows from what is there. */
  readonly since: string | null;
  readonly tables: readonly TableStatus[];
  /** Changes of the source that are not on the target yet; null: nobody can tell. */
  readonly lag: { readonly changes: number; readonly seconds: number } | null;
  /** Changes of the target that have not come back yet; null: nothing is captured there, or nobody can tell. */
  readonly lagBack: { readonly changes: number; readonly seconds: number } | null;
  /** What the target owns; null where ownership is not kept. */
  readonly writes: ReturnType<typeof shareOf> | null;
  readonly lastVerification: { readonly at: string; readonly verdict: string; readonly live: boolean } | null;
  /** The next command without `migrate`; null: nothing is left to do. */
  readonly next: string | null;
  readonly unreachable: readonly { readonly side: 'source' | 'target'; readonly reason: string }[];
}

/** Reads what a side keeps. Writes nothing, makes nothing. */
export async function readStanding(database: Database): Promise<SideStanding> {
  const { session, options } = database;
  const { kept } = await session.one<{ kept: boolean }>(
    `SELECT to_regclass('citus_migrate.chunk') IS NOT NULL AS kept`,
  );
  const rows = kept
    ? await session.query<{ table: string; rows: string }>(sql('cutover/loaded'), 'read the ledger')
    : [];
  return {
    phases: await readPhases(session),
    evidence: await readEvidence(session),
    ownership: await readOwnership(session),
    loaded: new Map(rows.map((row) => [row.table, Number(row.rows)])),
    shim: options.side === 'source' ? await shimStatus(database) : await reverseShim(database),
  };
}

/** A worker that is down keeps only its own log from being read. */
async function reverseShim(target: Database): Promise<SideStanding['shim']> {
  try {
    return await reverseStatus(target);
  } catch (error) {
    if (error instanceof MigrateError && error.retry !== 'never') return 'unknown';
    throw error;
  }
}

const known = (shim: SideStanding['shim'] | undefined): ShimStatus | null =>
  shim === undefined || shim === 'unknown' ? null : shim;

const standingOf = (side: Reached): SideStanding | undefined =>
  'standing' in side ? side.standing : undefined;

/** The last phase that was recorded on either side. */
export function lastPhase(sides: readonly (SideStanding | undefined)[]): PhaseRow | undefined {
  return sides
    .flatMap((side) => side?.phases.at(-1) ?? [])
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
    .at(-1);
}

/** The phase as both sides have it now. Reads only. */
export async function readPhase(source: Database, target: Database): Promise<Phase> {
  const [here, there] = [await readStanding(source), await readStanding(target)];
  return migrationStatus({ standing: here }, { standing: there }, true).phase;
}

/** Puts together what was read. `hasPlan`: a plan file is there. */
export function migrationStatus(source: Reached, target: Reached, hasPlan: boolean): MigrationStatus {
  const [here, there] = [standingOf(source), standingOf(target)];
  const last = lastPhase([here, there]);
  const owners = mergeOwnership(here?.ownership, there?.ownership);
  const loaded = there?.loaded ?? new Map<string, number>();
  const recorded: Phase = last?.phase ?? (loaded.size > 0 ? 'catching-up' : 'planned');
  const phase = owners.length > 0 ? phaseOf(recorded, ownershipOf(owners)) : recorded;
  const shim = known(here?.shim);
  const back = known(there?.shim);
  const captured = new Map((shim?.tables ?? []).map((table) => [table.table, table]));
  const verified = [...(here?.evidence ?? []), ...(there?.evidence ?? [])]
    .filter(({ kind }) => kind === 'verification')
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
    .at(-1);
  const sides = [
    ['source', source],
    ['target', target],
  ] as const;
  return {
    phase,
    meaning: PHASE_TABLE[phase].meaning,
    since: last !== undefined && last.phase === phase ? last.at : null,
    tables: [...new Set([...loaded.keys(), ...captured.keys()])].sort().map((table) => ({
      table,
      rows: there === undefined ? null : (loaded.get(table) ?? 0),
      captured: here === undefined ? null : (captured.get(table)?.captured ?? false),
      changes: captured.get(table)?.changes ?? null,
    })),
    lag: shim === null ? null : { changes: shim.log.changes, seconds: shim.log.seconds },
    lagBack: back === null ? null : { changes: back.log.changes, seconds: back.log.seconds },
    writes: owners.length > 0 ? shareOf(owners) : null,
    lastVerification:
      verified === undefined
        ? null
        : {
            at: verified.at,
            verdict: String(verified.detail.verdict),
            live: verified.detail.live === true,
          },
    next: nextOf(phase, {
      ...{ hasPlan, shim: shim !== null, reached: here !== undefined },
      back: there?.shim !== null,
    }),
    unreachable: sides.flatMap(([side, each]) =>
      'unreachable' in each ? [{ side, reason: each.unreachable }] : [],
    ),
  };
}

interface Facts {
  readonly hasPlan: boolean;
  readonly shim: boolean;
  /** The source was. */
  readonly reached: boolean;
  /** Changes on the target are captured, or nobody can tell. */
  readonly back: boolean;
}

function nextOf(phase: Phase, { hasPlan, shim, reached, back }: Facts): string | null {
  if (phase === 'planned' && !hasPlan) return 'plan';
  // No gate would let writes move without it.
  if (phase === 'ready' && shim && reached && !back) return 'shim install --reverse';
  // Without a shim nothing is followed: the rows are compared while the source rests.
  if (!reached || shim) return phase === 'planned' ? 'copy' : PHASE_TABLE[phase].next;
  if (phase === 'catching-up' || phase === 'verifying') return 'verify';
  return phase === 'ready' ? 'shim install' : PHASE_TABLE[phase].next;
}
