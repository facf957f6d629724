import type { Outline } from './outline.js';
import type { ResultDigest } from './result-digest.js';

/**
 * `refused`: the target does not take a statement that the source takes. `not-run`: it writes; the target would take
 * it. `inconclusive`: nothing can be said.
 */
export type QueryVerdict = 'match' | 'mismatch' | 'refused' | 'not-run' | 'inconclusive';

/** Why a side did not answer, in words without values. */
export interface Refusal {
  readonly sqlstate: string;
  readonly reason: string;
}

/** What one side said of a statement. */
export interface Answer {
  readonly refusal?: Refusal;
  /** Absent: it was not run there. */
  readonly result?: ResultDigest;
  /** The result was another one when it was run again. */
  readonly unstable?: boolean;
}

export interface QueryFacts {
  readonly outline: Outline;
  readonly parametersKnown: boolean;
  /** An index that finds nearest neighbours answers it on one of the sides. */
  readonly approximate: boolean;
  readonly source: Answer;
  readonly target: Answer;
}

export interface Assessment {
  readonly verdict: QueryVerdict;
  readonly sqlstate?: string;
  readonly reason?: string;
}

/** read_only_sql_transaction: it writes, locks rows or advances a sequence. */
const READ_ONLY = '25006';
/** query_canceled: it took longer than it may. */
const CANCELLED = '57014';
/** Refusals of the statement as such (feature not supported; syntax error or access rule violation). */
const REFUSED = /^(0A|42)/;

const inconclusive = (reason: string, sqlstate?: string): Assessment => ({
  verdict: 'inconclusive',
  reason,
  ...(sqlstate === undefined ? {} : { sqlstate }),
});

/** What a statement's answers on both sides mean. */
export function assessQuery(facts: QueryFacts): Assessment {
  const { source, target, outline, parametersKnown } = facts;
  const [there, here] = [source.refusal, target.refusal];
  const writes = !outline.reads || there?.sqlstate === READ_ONLY;
  if (there !== undefined && there.sqlstate !== READ_ONLY)
    return inconclusive(`The source does not take it either: ${there.reason}`, there.sqlstate);
  if (here !== undefined && REFUSED.test(here.sqlstate)) return { verdict: 'refused', ...here };
  if (!parametersKnown)
    return inconclusive(
      'Its parameters are not known: put it into a file with a line -- params: [...] above it.',
    );
  if (writes) return { verdict: 'not-run', reason: 'It writes or locks rows, and only reading is run.' };
  if (here?.sqlstate === READ_ONLY)
    return inconclusive(`It cannot be run read-only: ${here.reason}`, READ_ONLY);
  if (here?.sqlstate === CANCELLED) return inconclusive('It took too long on the target.', CANCELLED);
  if (here !== undefined) return { verdict: 'refused', ...here };
  return assessResults(facts);
}

function assessResults({ outline, approximate, source, target }: QueryFacts): Assessment {
  const [one, other] = [source.result, target.result];
  if (one === undefined || other === undefined) return inconclusive('It was not run.');
  const same = outline.ordered ? one.sequence === other.sequence : one.set === other.set;
  const columns = columnsDiffer(one.columns, other.columns);
  if (same && columns === undefined) return { verdict: 'match' };
  if (source.unstable || target.unstable)
    return inconclusive(
      `Its result changes from run to run on the ${source.unstable ? 'source' : 'target'}.`,
    );
  if (columns !== undefined) return { verdict: 'mismatch', reason: columns };
  if (outline.ordered && one.set === other.set)
    return {
      verdict: 'mismatch',
      reason:
        'The same rows in another order: its ORDER BY leaves ties, or the sides sort text by other rules.',
    };
  if (approximate)
    return inconclusive(
      'An index that finds nearest neighbours answers it, and may find others in every shard.',
    );
  if (outline.cut && !outline.ordered)
    return inconclusive('It cuts its result without ORDER BY, so which rows come is open.');
  if (outline.cut && one.rows === other.rows)
    return {
      verdict: 'mismatch',
      reason: `Other rows, ${one.rows} on both sides: at its cut the ORDER BY may leave ties.`,
    };
  return {
    verdict: 'mismatch',
    reason:
      one.rows === other.rows
        ? `Other values in its ${one.rows} rows.`
        : `${one.rows} rows on the source, ${other.rows} on the target.`,
  };
}

function columnsDiffer(one: readonly string[], other: readonly string[]): string | undefined {
  if (one.length === other.length && one.every((name, at) => name === other[at])) return undefined;
  const only = (names: readonly string[], than: readonly string[]) =>
    names.filter((name) => !than.includes(name));
  const parts = [
    ...only(one, other).map((name) => `${name} on the source alone`),
    ...only(other, one).map((name) => `${name} on the target alone`),
  ];
  return `Other columns: ${parts.length === 0 ? 'in another order' : parts.join(', ')}.`;
}

/** Exit code of all of them: 1 over 4 over 0; nothing that was compared is no answer either. */
export function exitOf(verdicts: readonly QueryVerdict[]): 0 | 1 | 4 {
  if (verdicts.some((verdict) => verdict === 'mismatch' || verdict === 'refused')) return 1;
  return verdicts.includes('inconclusive') || !verdicts.includes('match') ? 4 : 0;
}
