import { formatCount, plural } from '../../core/format.js';
import type { IntegrityResult, SchemaResult, Verdict } from '../../core/verification.js';
import { visible } from './markup.js';
import type { ReportRepair, ReportTable, VerifyDocument } from './types.js';

/** One kind of check: how many things it looked at and how they came out; `total` is null when it did not run. */
export interface Check {
  readonly name: string;
  readonly noun: string;
  readonly total: number | null;
  readonly counts: Readonly<Record<Verdict, number>>;
}

/** What a report says in more than one place, worked out once. */
export interface Facts {
  readonly rows: { readonly source: bigint; readonly target: bigint };
  readonly shards: number;
  readonly checks: readonly Check[];
  readonly discrepancies: number;
  readonly discrepanciesComplete: boolean;
  /** Kind → how many of the listed ones, in the order of KINDS. */
  readonly kinds: readonly (readonly [kind: string, count: number])[];
  readonly sentence: string;
}

/** What each kind of discrepancy means, the most serious first. */
export const KINDS: Readonly<Record<string, string>> = {
  missing: 'in the source only',
  extra: 'in the target only',
  mismatched: 'on both sides, with other values',
  misplaced: 'in a shard where queries by its distribution column do not look',
  divergent: 'copies of one shard are not the same',
};

const VERDICTS = ['match', 'mismatch', 'inconclusive'] as const;

function check(
  name: string,
  noun: string,
  items: readonly { readonly verdict: Verdict }[] | undefined,
): Check {
  const count = (verdict: Verdict): number => items?.filter((item) => item.verdict === verdict).length ?? 0;
  const [match, mismatch, inconclusive] = VERDICTS.map(count) as [number, number, number];
  return { name, noun, total: items?.length ?? null, counts: { match, mismatch, inconclusive } };
}

/** Items that are not a match come first; otherwise the order stays. */
export function worstFirst<T extends { readonly verdict: Verdict }>(items: readonly T[]): T[] {
  const order: Readonly<Record<Verdict, number>> = { mismatch: 0, inconclusive: 1, match: 2 };
  return [...items].sort((left, right) => order[left.verdict] - order[right.verdict]);
}

/** Rows of the fullest shard against the mean of all; null where there is nothing to spread. */
export function skew({ shards }: ReportTable): number | null {
  const rows = shards.map((shard) => Number(shard.target.rows));
  const sum = rows.reduce((left, right) => left + right, 0);
  if (rows.length < 2 || sum === 0) return null;
  return rows.reduce((left, right) => Math.max(left, right)) / (sum / rows.length);
}

/** Target rows minus source rows with its sign: `+2`, `−1`, `0`. */
export function difference({ source, target }: Pick<ReportTable, 'source' | 'target'>): string {
  const by = BigInt(target.rows) - BigInt(source.rows);
  if (by === 0n) return '0';
  return by > 0n ? `+${formatCount(by)}` : `−${formatCount(-by)}`;
}

/** `12`, or `12 or more` where counting stopped at the limit. */
export function found({ discrepancyCount, countComplete }: ReportTable): string {
  return `${formatCount(discrepancyCount)}${countComplete ? '' : ' or more'}`;
}

/** How many rows of a table differ, or why that is not known. */
export function rowsFound(table: ReportTable, mode: string): string {
  if (mode === 'counts') return 'Rows were counted; the keys were not looked for.';
  if (table.discrepancyCount === 0) return 'No discrepancy was found in what could be compared.';
  return `${plural(table.discrepancyCount, 'discrepancy').replace(/^\S+/, found(table))}.`;
}

/** Undefined: this run did not look. An empty list of a part that was skipped is not a good one. */
function looked<T>(items: readonly T[] | undefined, { skipped = [] }: VerifyDocument, part: string) {
  return items?.length === 0 && skipped.some((one) => one.part.startsWith(part)) ? undefined : items;
}

/** The rules of one kind. */
export function ruleItems(
  document: VerifyDocument,
  kind: 'foreign' | 'unique',
): readonly IntegrityResult[] | undefined {
  const rules = document.integrity?.filter((rule) => rule.kind === kind);
  return looked(rules, document, kind === 'foreign' ? 'references' : 'uniqueness');
}

export function schemaItems(document: VerifyDocument): readonly SchemaResult[] | undefined {
  return looked(document.schema, document, 'schema');
}

export function factsOf(document: VerifyDocument): Facts {
  const { tables } = document;
  const sum = (side: 'source' | 'target'): bigint =>
    tables.reduce((rows, table) => rows + BigInt(table[side].rows), 0n);
  const kinds = new Map<string, number>(Object.keys(KINDS).map((kind) => [kind, 0]));
  for (const table of tables)
    for (const { kind } of table.discrepancies) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const facts = {
    rows: { source: sum('source'), target: sum('target') },
    shards: tables.reduce((count, table) => count + table.shards.length, 0),
    checks: [
      check('Tables', 'table', tables),
      check('References', 'reference', ruleItems(document, 'foreign')),
      check('Uniqueness', 'unique rule', ruleItems(document, 'unique')),
      check('Sequences', 'sequence', document.sequences),
      check('Schema', 'schema object', schemaItems(document)),
    ],
    discrepancies: tables.reduce((count, table) => count + table.discrepancyCount, 0),
    discrepanciesComplete: tables.every((table) => table.countComplete),
    kinds: [...kinds].filter(([, count]) => count > 0),
  };
  return { ...facts, sentence: sentence(document, facts) };
}

/** The verdict in one sentence for someone who reads nothing else. */
function sentence({ verdict, mode, sampled }: VerifyDocument, facts: Omit<Facts, 'sentence'>): string {
  const { checks, rows } = facts;
  const tables = checks[0]!.total!;
  const parts = checks.flatMap(({ noun, total, counts }) => {
    // Of the schema only what differs is listed one by one.
    const of = (count: number): string =>
      noun === 'schema object' ? plural(count, noun) : `${formatCount(count)} of ${plural(total ?? 0, noun)}`;
    return [
      ...(counts.mismatch > 0
        ? [`${of(counts.mismatch)} ${counts.mismatch === 1 ? 'differs' : 'differ'}`]
        : []),
      ...(counts.inconclusive > 0 ? [`${of(counts.inconclusive)} could not be compared`] : []),
    ];
  });
  if (verdict === 'mismatch') return `Source and target are not the same: ${parts.join('; ')}.`;
  if (verdict === 'inconclusive')
    return `There is no answer yet: ${parts.join('; ') || 'something could not be compared'}. What was compared is the same.`;
  if (tables === 0) return 'No table was compared.';
  const what = `${plural(rows.source, 'row')} in ${plural(tables, 'table')}`;
  if (sampled)
    return `The rows of the sample are the same on both sides: ${what}. The others were not compared.`;
  if (mode === 'counts')
    return `Source and target hold the same number of rows, shard by shard: ${what}. Values were not compared.`;
  return `Source and target are the same: ${what}, every value compared, every row in the shard where it belongs.`;
}

/** What a reader must know before taking the verdict for more than it is; empty when there is nothing. */
export function caveats(document: VerifyDocument): string[] {
  const { mode, tables, tablesPlanned, verdict, sampled, notes = [], skipped = [], repair } = document;
  const unchecked = [
    ...(document.integrity === undefined ? ['references'] : []),
    ...(document.schema === undefined ? ['the schema'] : []),
    ...skipped.map((one) => one.part),
  ];
  return [
    ...(tables.length < tablesPlanned
      ? [`Only ${formatCount(tables.length)} of the plan’s ${plural(tablesPlanned, 'table')} were compared.`]
      : []),
    ...(sampled && verdict !== 'match' ? ['Only a sample of the rows was compared.'] : []),
    ...(mode === 'counts' && verdict !== 'match' ? ['Rows were counted; values were not compared.'] : []),
    ...notes,
    ...(unchecked.length > 0 ? [`Not checked in this run: ${unchecked.join(', ')}.`] : []),
    ...(repair === undefined ? [] : [repaired(repair)]),
  ];
}

function repaired({ action, rows, applied, file, refused }: ReportRepair): string {
  const left = refused.length === 0 ? '' : ` ${plural(refused.length, 'row')} could not be repaired.`;
  return action === 'apply'
    ? `${formatCount(applied ?? 0)} of ${plural(rows, 'row')} were repaired; the verdict is the one after it.${left}`
    : `Statements that repair ${plural(rows, 'row')} were written${file === undefined ? '' : ` to ${visible(file)}`}; nothing was changed.${left}`;
}
