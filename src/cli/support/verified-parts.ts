import { formatCount, plural } from '../../core/format.js';
import type {
  IntegrityKey,
  IntegrityResult,
  SchemaResult,
  SequenceResult,
  Verdict,
} from '../../core/verification.js';
import type { VerifyResult } from '../../verify/types.js';
import { printable } from './printable.js';

/** Lines of one part on a terminal; --json has them all. */
const SHOWN = 20;

/** References, sequences and schema for people: a line that sums up each, and below it what is wrong. */
export function explainParts({ integrity, sequences, schema, skipped }: VerifyResult): string[] {
  const foreign = integrity.filter((one) => one.kind === 'foreign');
  const unique = integrity.filter((one) => one.kind === 'unique');
  const parts = [
    part('References', 'foreign keys hold', foreign, explainReference),
    part('Uniqueness', 'rules that the cluster cannot keep by itself hold', unique, explainUnique),
    part('Sequences', 'sequences are past the largest id', sequences, explainSequence),
    schemaPart(schema),
  ].filter((one) => one !== '');
  const left =
    skipped.length === 0
      ? ''
      : `Not looked at (${skipped[0]!.reason}): ${skipped.map((one) => one.part).join(', ')}.`;
  return [...parts, left].filter((one) => one !== '');
}

function part<T extends { readonly verdict: Verdict }>(
  title: string,
  fine: string,
  results: readonly T[],
  explain: (result: T) => string[],
): string {
  if (results.length === 0) return '';
  const wrong = results.filter((one) => one.verdict !== 'match');
  const held = results.length - wrong.length;
  const sum =
    wrong.length === 0
      ? `${title}: ${formatCount(held)} ${fine}.`
      : `${title}: ${formatCount(held)} of ${formatCount(results.length)} ${fine}.`;
  return lines(sum, wrong.flatMap(explain));
}

function lines(first: string, rest: readonly string[]): string {
  const more = rest.length - SHOWN;
  return [
    first,
    ...rest.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(more > 0 ? [`  … and ${formatCount(more)} lines more (--json lists all)`] : []),
  ].join('\n');
}

const columns = (values: Readonly<Record<string, string | null>>): string =>
  Object.entries(values)
    .map(([column, value]) => `${column}=${value === null ? 'NULL' : printable(value)}`)
    .join(', ');

const row = ({ key, value, shardId, node }: IntegrityKey, verb: string): string =>
  `  ${key === null ? 'a row' : columns(key)} ${verb} ${columns(value)} (shard ${shardId}, ${node})`;

function explainReference({ table, constraint, orphans, keys, detail }: IntegrityResult): string[] {
  const name = `${constraint} of ${table}`;
  if (orphans === null) return [`${name} could not be checked: ${detail}`];
  return [
    `${name}: ${plural(orphans, 'row')} ${formatCount(orphans) === '1' ? 'refers' : 'refer'} to nothing.${detail === undefined ? '' : ` ${detail}`}`,
    ...keys.map((key) => row(key, 'refers to')),
  ];
}

function explainUnique({ table, constraint, duplicates, keys, detail }: IntegrityResult): string[] {
  const name = `${constraint} of ${table}`;
  if (duplicates == null) return [`${name} could not be checked: ${detail}`];
  return [
    `${name}: ${plural(duplicates, 'row')} ${formatCount(duplicates) === '1' ? 'repeats' : 'repeat'} a value of another row.`,
    ...keys.map((key) => row(key, 'has')),
  ];
}

function explainSequence({ sequence, value, required, nodes, detail }: SequenceResult): string[] {
  const stands = (at: { value: string | null; required: string | null }): string =>
    `stands at ${at.value ?? 'its start'}, has to have passed ${at.required ?? 'nothing'}`;
  return [
    `${sequence}: ${detail ?? ''} It ${stands({ value, required })}.`.replace('  ', ' '),
    ...(nodes ?? [])
      .filter((one) => one.verdict !== 'match')
      .map((one) => `  on ${one.node} it ${stands(one)}`),
  ];
}

function schemaPart(schema: readonly SchemaResult[]): string {
  const wrong = schema.filter((one) => one.verdict !== 'match');
  if (wrong.length === 0) return 'Schema: as planned.';
  return lines(
    `Schema: ${formatCount(wrong.length)} parts are not as planned.`,
    wrong.map((one) => `${one.object}: ${one.detail}`),
  );
}
