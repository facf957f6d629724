import type { EvidenceRow, PhaseRow } from '../../ledger/record.js';
import type { Gate } from '../gates/check.js';
import type { MigrationStatus, SideStanding } from '../status.js';

/** All that a step may be ticked by. */
export interface ChecklistFacts {
  /** The plan file; absent: there is none. */
  readonly plan?: { readonly hash: string; readonly blockers: number; readonly tables: number };
  readonly status: MigrationStatus;
  /** Of both sides, in the order of time. */
  readonly evidence: readonly EvidenceRow[];
  readonly phases: readonly PhaseRow[];
  /** Changes on the cluster are captured. */
  readonly reverse: boolean;
  /** As they are now; absent: a side was not reached. */
  readonly gates?: readonly Gate[];
}

/** What both sides have recorded, in the order of time; a run that recorded on both is there twice. */
export function together(sides: readonly (SideStanding | undefined)[]) {
  const known = sides.flatMap((side) => (side === undefined ? [] : [side]));
  const inOrder = <T extends { readonly at: string }>(rows: readonly T[]): T[] =>
    [...rows].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return {
    evidence: inOrder(known.flatMap(({ evidence }) => evidence)),
    phases: inOrder(known.flatMap(({ phases }) => phases)),
  };
}

/** The latest piece of a kind that `fits`. */
export const latest = (
  { evidence }: Pick<ChecklistFacts, 'evidence'>,
  kind: string,
  fits: (detail: EvidenceRow['detail']) => boolean = () => true,
): EvidenceRow | undefined => evidence.findLast((row) => row.kind === kind && fits(row.detail));
