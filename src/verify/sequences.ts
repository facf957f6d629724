import type { Database } from '../citus/database.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';
import type { SequenceResult } from './types.js';

interface SequenceRow {
  schema: string;
  name: string;
  last: string | null;
  up: boolean;
}

/**
 * Every sequence of the plan on the side that takes writes next: past the largest id of its column, and past what
 * the other side has given out.
 */
export async function compareSequences(
  plan: Plan,
  tables: readonly TablePlan[],
  from: Database,
  to: Database,
): Promise<SequenceResult[]> {
  const read = async (side: Database) =>
    new Map(
      (await side.session.query<SequenceRow>(sql('verify/sequences'), 'read the sequences')).map((row) => [
        qualified(row),
        row,
      ]),
    );
  const [before, after] = [await read(from), await read(to)];
  const scope = new Set(tables.map(qualified));
  const results: SequenceResult[] = [];
  for (const sequence of plan.catalog.sequences) {
    const { ownedBy } = sequence;
    if (ownedBy !== undefined && !scope.has(qualified(ownedBy))) continue;
    const up = !sequence.increment.startsWith('-');
    const largest =
      ownedBy === undefined
        ? null
        : await to.session.one<{ last: string | null }>(
            `SELECT ${up ? 'max' : 'min'}(${quoteIdent(ownedBy.column)})::text AS last FROM ${qualified(ownedBy)}`,
            `read the largest ${ownedBy.column} of ${qualified(ownedBy)}`,
          );
    const wanted = [largest?.last ?? null, before.get(qualified(sequence))?.last ?? null]
      .filter((value) => value !== null)
      .map(BigInt);
    const required = wanted.length === 0 ? null : wanted.reduce((a, b) => (a > b === up ? a : b));
    const value = after.get(qualified(sequence))?.last ?? null;
    const reached =
      required === null || (value !== null && (up ? BigInt(value) >= required : BigInt(value) <= required));
    results.push({
      sequence: displayName(sequence),
      verdict: reached ? 'match' : 'mismatch',
      value,
      required: required === null ? null : String(required),
    });
  }
  return results;
}
