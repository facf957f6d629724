import type { Node } from '../citus/database.js';
import type { SequenceDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { SequenceNodeResult, SequenceResult, Verdict } from '../core/verification.js';
import { INTEGER_TYPES } from '../plan/types.js';
import type { CheckedSide } from './checked-side.js';
import {
  readSequences,
  readWorkerSequences,
  type SequenceState,
  type SequenceStates,
} from './sequence-state.js';
import type { SameValues } from './trusted.js';
import { misfit } from './way-back.js';

/** A column whose values a sequence makes. */
interface Use {
  readonly table: TablePlan;
  readonly column: string;
  /** Its type on the single node, where that is narrower than here. */
  readonly narrow?: string;
}

/** Ids of one node's range: exclusive end. */
interface Range {
  readonly node: Node;
  readonly state: SequenceState;
}

export interface SequenceRequest {
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  /** The side that took writes before, and the one that takes them next. */
  readonly from: CheckedSide;
  readonly to: CheckedSide;
  readonly same: SameValues;
}

/**
 * Every sequence of the plan on the side that takes writes next, on every node that gives out ids: past the largest
 * id of its range, past what the other side has given out, and with no id that the single node could not take back.
 * Citus gives worker g the bigint ids from g·2^48+1 and lets no worker give out smaller integers.
 */
export async function compareSequences(request: SequenceRequest): Promise<SequenceResult[]> {
  const { plan, tables, from, to } = request;
  const [before, after, workers] = await Promise.all([
    readSequences(from.cut.database.session),
    readSequences(to.cut.database.session),
    readWorkerSequences(to),
  ]);
  const states = { before, after, workers };
  const scope = new Set(tables.map(qualified));
  const results: SequenceResult[] = [];
  for (const sequence of plan.catalog.sequences) {
    if (sequence.ownedBy !== undefined && !scope.has(qualified(sequence.ownedBy))) continue;
    const uses = usesOf(sequence, plan, tables, to.cut.database.options.side);
    results.push(await compare(sequence, uses, states, request));
  }
  return results;
}

/** The owning column, and those that take their default from it. */
function usesOf(
  sequence: SequenceDef,
  plan: Plan,
  tables: readonly TablePlan[],
  side: 'source' | 'target',
): Use[] {
  const call = `nextval(${quoteLiteral(qualified(sequence))}::regclass)`;
  const { ownedBy } = sequence;
  return tables.flatMap((table) => {
    const definition = plan.catalog.tables.find((one) => qualified(one) === qualified(table));
    return (definition?.columns ?? [])
      .filter(
        (column) =>
          // Text and numeric columns can be made from a sequence, too: what it gave out cannot be read off them.
          INTEGER_TYPES.has(column.type) &&
          ((ownedBy !== undefined &&
            qualified(ownedBy) === qualified(table) &&
            ownedBy.column === column.name) ||
            column.default === call),
      )
      .map((column) => {
        const planned = table.columns.find((one) => one.name === column.name);
        const narrowed = side === 'target' && planned !== undefined && planned.targetType !== column.type;
        return { table, column: column.name, ...(narrowed ? { narrow: column.type } : {}) };
      });
  });
}

interface States {
  readonly before: SequenceStates;
  readonly after: SequenceStates;
  readonly workers: ReadonlyMap<Node, SequenceStates>;
}

async function compare(
  sequence: SequenceDef,
  uses: readonly Use[],
  { before, after, workers }: States,
  request: SequenceRequest,
): Promise<SequenceResult> {
  const name = qualified(sequence);
  const state = after.get(name);
  const up = !sequence.increment.startsWith('-');
  const base = { sequence: displayName(sequence) };
  const onWorkers = [...workers].flatMap(([node, states]): Range[] => {
    const found = states.get(name);
    return found === undefined || !up ? [] : [{ node, state: found }];
  });
  // A range of its own begins above that of the coordinator.
  const ranges = onWorkers.filter((one) => state !== undefined && one.state.min > state.min);
  const largest = await readLargest(uses, ranges, state, up, request);
  const given = before.get(name);
  const required = furthest([...largest.head, ...(given?.used ? [given.last] : [])], up);
  if (state === undefined || (state.last === null && required !== null)) {
    const missing = `The sequence ${state === undefined ? 'does not exist' : 'may not be read by this role'}.`;
    return {
      ...base,
      verdict: state === undefined ? 'mismatch' : 'inconclusive',
      value: null,
      required: text(required),
      detail: missing,
    };
  }
  const details: string[] = [];
  if (given?.last === null)
    details.push('The role may not read what the other side has given out: compared with the largest id.');
  const reached = required === null || isPast(state.last, required, up);
  if (!reached) details.push('It is behind.');
  if (largest.misfits.length > 0)
    details.push(`${largest.misfits.join(', ')} holds ids that do not fit the single node's type.`);
  const nodes = onWorkers.map((one) => onWorker(one, ranges.includes(one), largest.perRange, details));
  const verdicts = [reached && largest.misfits.length === 0, ...nodes.map((one) => one.verdict === 'match')];
  return {
    ...base,
    verdict: verdicts.every(Boolean) ? 'match' : worstOf(nodes, verdicts[0]!),
    value: state.used ? text(state.last) : null,
    required: text(required),
    ...(nodes.length > 0 ? { nodes } : {}),
    ...(details.length > 0 ? { detail: details.join(' ') } : {}),
  };
}

function worstOf(nodes: readonly SequenceNodeResult[], head: boolean): Verdict {
  return !head || nodes.some((node) => node.verdict === 'mismatch') ? 'mismatch' : 'inconclusive';
}

function onWorker(
  { node, state }: Range,
  own: boolean,
  perRange: ReadonlyMap<Node, bigint | null>,
  details: string[],
): SequenceNodeResult {
  // Without a range of its own a worker has to stay at the end, where it can give out nothing.
  const required = own ? (perRange.get(node) ?? null) : state.max;
  const value = state.used ? text(state.last) : null;
  const result = { node: node.name, value, required: text(required) };
  if (required === null) return { ...result, verdict: 'match' };
  if (state.last === null) {
    details.push(`On ${node.name} it may not be read by this role.`);
    return { ...result, verdict: 'inconclusive' };
  }
  if (state.last >= required) return { ...result, verdict: 'match' };
  details.push(
    own
      ? `On ${node.name} it is behind.`
      : `On ${node.name} it can give out ids that the coordinator gives out too.`,
  );
  return { ...result, verdict: 'mismatch' };
}

interface Largest {
  /** One per use, of the ids outside all ranges. */
  readonly head: readonly (bigint | null)[];
  readonly perRange: ReadonlyMap<Node, bigint | null>;
  readonly misfits: readonly string[];
}

async function readLargest(
  uses: readonly Use[],
  ranges: readonly Range[],
  state: SequenceState | undefined,
  up: boolean,
  { to, from, same }: SequenceRequest,
): Promise<Largest> {
  const head: (bigint | null)[] = [];
  const perRange = new Map<Node, bigint | null>();
  const misfits: string[] = [];
  const single = [from, to].find(({ cut }) => cut.database.options.side === 'source')!;
  for (const { table, column, narrow } of uses) {
    const id = quoteIdent(column);
    const within = ranges.map(({ state }) => `${id} >= ${state.min} AND ${id} < ${state.max}`);
    // What lies beyond the sequence's end it will never come upon.
    const reach = state === undefined ? 'true' : `${id}::bigint BETWEEN ${state.min} AND ${state.max}`;
    const outside = [reach, ...within.map((one) => `NOT (${one})`)].join(' AND ');
    const alike = same(table.table, [column]);
    // None is larger than the single node's largest, and that has an index for it as a rule.
    const largest = (most: string, where: string): string =>
      alike
        ? `(SELECT ${most}(${id}) FROM ${qualified(table)} WHERE ${where})`
        : `${most}(${id}) FILTER (WHERE ${where})`;
    const list = [
      `${largest(up ? 'max' : 'min', outside)}::text AS head`,
      ...within.map((one, at) => `${largest('max', one)}::text AS r${at}`),
      `${alike ? 'false' : misfit(id, narrow)} AS misfit`,
    ];
    const statement = `SELECT ${list.join(', ')}${alike ? '' : ` FROM ${qualified(table)}`}`;
    const doing = `read the largest ${column} of ${qualified(table)}`;
    type LargestRow = Record<string, string | null> & { misfit: boolean | null };
    const row = alike
      ? await single.pool.use(single.cut.database.head, (session) =>
          session.one<LargestRow>(statement, doing),
        )
      : await to.cut.database.session.one<LargestRow>(statement, doing);
    head.push(toBigint(row.head));
    ranges.forEach(({ node }, at) => {
      perRange.set(node, furthest([perRange.get(node) ?? null, toBigint(row[`r${at}`])], true));
    });
    if (row.misfit === true) misfits.push(`${displayName(table)}.${id}`);
  }
  return { head, perRange, misfits };
}

const toBigint = (value: string | null | undefined): bigint | null => (value == null ? null : BigInt(value));
const text = (value: bigint | null): string | null => (value === null ? null : String(value));
const isPast = (value: bigint | null, required: bigint, up: boolean): boolean =>
  value !== null && (up ? value >= required : value <= required);

function furthest(values: readonly (bigint | null)[], up: boolean): bigint | null {
  return values.reduce(
    (best, value) => (value === null || (best !== null && best > value === up) ? best : value),
    null,
  );
}
