import type { Catalog, ConstraintDef, TableDef } from '../core/catalog-types.js';
import { displayName, qualified, quoteList } from '../core/names.js';
import type { Finding, ForeignKeyPlan, Placement } from '../core/plan-types.js';
import { finding } from './findings.js';
import { foreignKeyName, type PlanConfig } from './options.js';

type Foreign = NonNullable<ConstraintDef['foreign']>;
type Distributed = Extract<Placement, { kind: 'distributed' }>;

export interface ForeignKeyDecision {
  readonly plan: ForeignKeyPlan;
  readonly findings: readonly Finding[];
  /** The distribution column was added: every row has to agree with its parent in it. */
  readonly mustAgree: boolean;
}

/**
 * What Citus accepts (measured): between colocated distributed tables with the distribution column in it; from
 * distributed to reference tables; among reference and local tables. Where the distribution column is part of the
 * key, it refuses SET NULL and SET DEFAULT on DELETE and every action but NO ACTION and RESTRICT on UPDATE.
 */
export function decideForeignKey(
  table: TableDef,
  constraint: ConstraintDef & { readonly foreign: Foreign },
  placements: ReadonlyMap<string, Placement>,
  config: Pick<PlanConfig, 'foreignKeys'>,
): ForeignKeyDecision {
  const { foreign } = constraint;
  const key = foreignKeyName(table, constraint.name);
  const choice = config.foreignKeys?.[key];
  const place = { table, object: constraint.name };
  const child = placements.get(qualified(table)) ?? { kind: 'local' };
  const parent = placements.get(qualified(foreign.references));
  const base = { table: displayName(table), constraint: constraint.name };
  const dropped = (...findings: Finding[]): ForeignKeyDecision => ({
    plan: { ...base, fate: 'dropped' },
    findings,
    mustAgree: false,
  });
  if (choice === 'drop') return dropped(finding('FK_DROPPED', place, { key }));
  const refusal = refused(child, parent, displayName(table), displayName(foreign.references));
  if (refusal) return dropped(finding('FK_REFUSED', place, refusal));
  if (child.kind !== 'distributed' || parent === undefined) return kept(base, constraint.definition);

  const rewriting = parent.kind === 'distributed' ? rewrite(constraint, child, parent) : undefined;
  if (rewriting === 'impossible') {
    return dropped(
      finding('FK_REFUSED', place, {
        reason: 'it pairs the distribution column with another column',
        remedy: 'Check the reference in the application.',
      }),
    );
  }
  const columns = rewriting ?? { columns: constraint.columns, references: foreign.columns };
  if (!columns.columns.includes(child.column)) return kept(base, constraint.definition);

  const findings: Finding[] = [];
  const clears = foreign.onDelete === 'SET NULL' || foreign.onDelete === 'SET DEFAULT';
  if (clears && choice !== 'keep') {
    return dropped(finding('FK_SET_NULL', place, { key, action: `ON DELETE ${foreign.onDelete}` }));
  }
  if (clears)
    findings.push(finding('FK_ACTION_WEAKENED', place, { key, action: `ON DELETE ${foreign.onDelete}` }));
  const follows = foreign.onUpdate !== 'NO ACTION' && foreign.onUpdate !== 'RESTRICT';
  if (follows)
    findings.push(finding('FK_ACTION_WEAKENED', place, { key, action: `ON UPDATE ${foreign.onUpdate}` }));
  const weaker = rewriting !== undefined && foreign.match === 'FULL' && hasNullable(table, constraint);
  if (weaker && constraint.columns.length > 1) findings.push(finding('FK_MATCH_WEAKENED', place));
  if (rewriting === undefined && findings.length === 0) return kept(base, constraint.definition);
  const definition = define(
    columns,
    {
      ...foreign,
      onDelete: clears ? 'NO ACTION' : foreign.onDelete,
      onUpdate: follows ? 'NO ACTION' : foreign.onUpdate,
      match: weaker ? 'SIMPLE' : foreign.match,
    },
    constraint.validated,
  );
  return { plan: { ...base, fate: 'rewritten', definition }, findings, mustAgree: rewriting !== undefined };
}

const kept = (base: { table: string; constraint: string }, definition: string): ForeignKeyDecision => ({
  plan: { ...base, fate: 'kept', definition },
  findings: [],
  mustAgree: false,
});

/** Why Citus refuses it, and what could be done; undefined when it does not. */
function refused(
  child: Placement,
  parent: Placement | undefined,
  table: string,
  references: string,
): { reason: string; remedy: string } | undefined {
  if (parent === undefined) {
    return { reason: `${references} is not part of this plan`, remedy: `Choose ${references} too.` };
  }
  if (child.kind === 'distributed' && parent.kind === 'local') {
    return {
      reason: `a distributed table cannot refer to the local table ${references}`,
      remedy: `Set tables.${references}.placement to reference.`,
    };
  }
  if (child.kind !== 'distributed' && parent.kind === 'distributed') {
    return {
      reason: `a ${child.kind} table cannot refer to the distributed table ${references}`,
      remedy: `Distribute ${table} too (tables.${table}.distributeBy), or check the reference in the application.`,
    };
  }
  if (
    child.kind === 'distributed' &&
    parent.kind === 'distributed' &&
    groupOf(child, table) !== groupOf(parent, references)
  ) {
    return {
      reason: `${table} and ${references} are not colocated`,
      remedy: `Give both distribution columns one type, distribute both by the same value, or make ${references} a reference table.`,
    };
  }
  return undefined;
}

const groupOf = (placement: Distributed, table: string): string => placement.colocateWith ?? table;

interface Columns {
  readonly columns: readonly string[];
  readonly references: readonly string[];
}

/** The columns with the distribution columns put first; undefined when they are paired already. */
function rewrite(
  constraint: ConstraintDef & { readonly foreign: Foreign },
  child: Distributed,
  parent: Distributed,
): Columns | 'impossible' | undefined {
  const at = constraint.columns.indexOf(child.column);
  const paired = constraint.foreign.columns.indexOf(parent.column);
  if (at >= 0 && at === paired) return undefined;
  if (at >= 0 || paired >= 0) return 'impossible';
  return {
    columns: [child.column, ...constraint.columns],
    references: [parent.column, ...constraint.foreign.columns],
  };
}

function define({ columns, references }: Columns, foreign: Foreign, validated: boolean): string {
  return [
    `FOREIGN KEY (${quoteList(columns)}) REFERENCES ${qualified(foreign.references)}(${quoteList(references)})`,
    foreign.match === 'FULL' ? 'MATCH FULL' : '',
    foreign.onUpdate === 'NO ACTION' ? '' : `ON UPDATE ${foreign.onUpdate}`,
    foreign.onDelete === 'NO ACTION' ? '' : `ON DELETE ${foreign.onDelete}`,
    foreign.deferrable,
    validated ? '' : 'NOT VALID',
  ]
    .filter(Boolean)
    .join(' ');
}

const hasNullable = (table: TableDef, constraint: ConstraintDef): boolean =>
  constraint.columns.some((name) => !table.columns.find((column) => column.name === name)?.notNull);

export interface ForeignKeyPlans {
  readonly plans: readonly ForeignKeyPlan[];
  readonly findings: readonly Finding[];
  /** Those whose rows have to be checked: see `ForeignKeyDecision.mustAgree`. */
  readonly toCheck: readonly {
    readonly table: TableDef;
    readonly constraint: ConstraintDef & { foreign: Foreign };
  }[];
}

/** Every foreign key of the chosen tables, in the order of the catalog. */
export function decideForeignKeys(
  catalog: Catalog,
  placements: ReadonlyMap<string, Placement>,
  config: Pick<PlanConfig, 'foreignKeys'>,
): ForeignKeyPlans {
  const all = catalog.tables.flatMap((table) =>
    table.constraints.flatMap((constraint) =>
      constraint.foreign ? [{ table, constraint: { ...constraint, foreign: constraint.foreign } }] : [],
    ),
  );
  const decided = all.map((one) => ({
    ...one,
    ...decideForeignKey(one.table, one.constraint, placements, config),
  }));
  return {
    plans: decided.map((one) => one.plan),
    findings: decided.flatMap((one) => one.findings),
    toCheck: decided.filter((one) => one.mustAgree && !isOwnPath(one.table, one.constraint, placements)),
  };
}

/** The key of the row is that of this parent, so they cannot differ. */
function isOwnPath(
  table: TableDef,
  constraint: ConstraintDef,
  placements: ReadonlyMap<string, Placement>,
): boolean {
  const placement = placements.get(qualified(table));
  return placement?.kind === 'distributed' && placement.via[0]?.constraint === constraint.name;
}
