import type { Catalog, TableDef } from '../core/catalog-types.js';
import { displayName, qualified } from '../core/names.js';
import type { Finding, Placement, TablePlan } from '../core/plan-types.js';
import { finding } from './findings.js';
import { keyFate, widenedKeys } from './keys.js';
import { fittingIndex, hasSubSelect } from './target-catalog.js';
import { targetViews } from './target-views.js';
import { serialColumns, typeParts } from './types.js';

/** What the move changes or loses at tables and what belongs to them: pure, from the decisions alone. */
export function surveyTables(catalog: Catalog, tables: readonly TablePlan[]): Finding[] {
  const plans = new Map(tables.map((one) => [qualified(one), one]));
  const btreeGist = catalog.extensions.some((one) => one.name === 'btree_gist');
  return catalog.tables.flatMap((table) => {
    const plan = plans.get(qualified(table))!;
    return [
      ...shapeFindings(table, plan, catalog),
      ...keyFindings(table, plan, btreeGist),
      ...serialFindings(table, plan, catalog),
      ...lostFindings(table, plan),
      ...policyFindings(table, plan.placement),
    ];
  });
}

function shapeFindings(table: TableDef, { placement, columns }: TablePlan, catalog: Catalog): Finding[] {
  const findings: Finding[] = [];
  if (table.inherits.length > 0) {
    findings.push(finding('INHERITED', { table }, { parents: table.inherits.map(displayName).join(', ') }));
  }
  if (placement.kind === 'local') return findings;
  if (table.partitionOf && table.partitionBy !== undefined)
    findings.push(finding('PARTITION_MULTILEVEL', { table }));
  const unsupported = unsupportedTypes(catalog);
  for (const column of table.columns) {
    const type = columns.find((one) => one.name === column.name)?.targetType ?? column.type;
    if (unsupported.has(typeParts(type).base)) {
      findings.push(finding('TYPE_UNSUPPORTED', { table, object: column.name }, { type }));
    }
  }
  return findings;
}

/** Own ranges with their multiranges, and own base types, as columns name them. */
function unsupportedTypes(catalog: Catalog): Set<string> {
  const ranges = catalog.types.flatMap((one) =>
    one.kind === 'range'
      ? [qualified(one), ...one.options.flatMap((option) => option.split('multirange_type_name = ')[1] ?? [])]
      : [],
  );
  const bases = (catalog.others ?? []).filter((one) => one.kind === 'base type').map((one) => one.name);
  return new Set([...ranges, ...bases]);
}

function keyFindings(table: TableDef, plan: TablePlan, btreeGist: boolean): Finding[] {
  const { placement } = plan;
  const findings: Finding[] = [];
  if (plan.key === null && !table.partitionOf) findings.push(finding('NO_KEY', { table }));
  for (const index of table.indexes) {
    if (!index.valid) findings.push(finding('INDEX_INVALID', { table, object: index.name }));
    else if (fittingIndex(index, table, plan) === undefined) {
      const column = plan.columns.find(
        (one) => one.sourceType !== one.targetType && index.columns.includes(one.name),
      );
      findings.push(
        finding('INDEX_DROPPED', { table, object: index.name }, { type: column?.targetType ?? '' }),
      );
    }
  }
  if (placement.kind !== 'distributed') return findings;
  const { column } = placement;
  const widened = widenedKeys(table, placement, btreeGist);
  if (widened.length > 0) {
    findings.push(finding('UNIQUE_WIDENED', { table }, { column, constraints: widened.join(', ') }));
  }
  for (const one of table.constraints.filter((other) => keyFate(other, placement, btreeGist) === 'dropped')) {
    findings.push(finding('EXCLUDE_DROPPED', { table, object: one.name }, { column }));
  }
  return findings;
}

function serialFindings(table: TableDef, plan: TablePlan, catalog: Catalog): Finding[] {
  if (plan.placement.kind === 'local' || table.partitionOf) return [];
  const kept = serialColumns(table, catalog).filter(
    (column) => plan.columns.find((one) => one.name === column.name)?.targetType === column.type,
  );
  if (kept.length === 0) return [];
  return [finding('SERIAL_INT', { table }, { columns: kept.map((column) => column.name).join(', ') })];
}

function lostFindings(table: TableDef, { placement }: TablePlan): Finding[] {
  if (placement.kind === 'local' || table.triggers.length === 0) return [];
  const triggers = table.triggers.map((one) => one.name).join(', ');
  return [finding('TRIGGER_DROPPED', { table }, { triggers, kind: placement.kind })];
}

function policyFindings(table: TableDef, placement: Placement): Finding[] {
  if (placement.kind === 'local') return [];
  const lost = table.policies.filter(hasSubSelect);
  const kept = table.policies.filter((one) => !hasSubSelect(one));
  const settings = kept.some((one) => /\bcurrent_setting\(/.test(`${one.using} ${one.check}`));
  return [
    ...lost.map((one) =>
      finding(one.permissive ? 'POLICY_DROPPED' : 'POLICY_RESTRICTIVE', { table, object: one.name }),
    ),
    ...(settings ? [finding('POLICY_SETTING', { table })] : []),
  ];
}

/** One finding each for what concerns the whole plan. */
export function surveyPlan(catalog: Catalog, tables: readonly TablePlan[]): Finding[] {
  const findings: Finding[] = [];
  const say = (
    code: 'UNLOGGED' | 'MATERIALIZED_VIEW' | 'NOTIFY' | 'EXTENSION_UNUSED',
    names: readonly string[],
  ): void => {
    if (names.length > 0) findings.push(finding(code, {}, { names: names.join(', ') }));
  };
  say('UNLOGGED', catalog.tables.filter((one) => one.unlogged).map(displayName));
  say('MATERIALIZED_VIEW', catalog.views.filter((one) => one.materialized).map(displayName));
  say(
    'NOTIFY',
    catalog.functions.filter((one) => /\bpg_notify\b|\bNOTIFY\b/i.test(one.definition)).map(displayName),
  );
  say(
    'EXTENSION_UNUSED',
    catalog.extensions.filter((one) => one.used === false).map((one) => one.name),
  );
  const views = targetViews(catalog, tables);
  for (const { view, reason } of views.dropped) {
    findings.push(finding('VIEW_DROPPED', { object: displayName(view) }, { reason }));
  }
  for (const view of views.regrouped) findings.push(finding('VIEW_REGROUPED', { object: displayName(view) }));
  const there = new Set([...catalog.tables, ...views.views].map(qualified));
  const blind = catalog.functions.filter(({ reads = [] }) => reads.some((one) => !there.has(qualified(one))));
  if (blind.length > 0)
    findings.push(finding('FUNCTION_DROPPED', {}, { names: blind.map(displayName).join(', ') }));
  findings.push(...otherFindings(catalog), ...widenedFinding(tables), ...mappedFinding(tables));
  const keyed = tables.filter(
    (one) => one.placement.kind === 'distributed' && one.placement.via.length === 0,
  );
  const own = keyed.filter((one) =>
    catalog.tables.some((table) => qualified(table) === qualified(one) && !table.partitionOf),
  );
  if (own.length > 0) {
    const names = own.map(
      (one) => `${one.table} (${one.placement.kind === 'distributed' ? one.placement.column : ''})`,
    );
    findings.push(finding('KEY_UPDATE', {}, { tables: names.join(', ') }));
  }
  return findings;
}

function otherFindings(catalog: Catalog): Finding[] {
  const others = catalog.others ?? [];
  const findings: Finding[] = [];
  const rules = others.filter((one) => one.kind === 'rule').map((one) => one.name);
  if (rules.length > 0) findings.push(finding('RULE_DROPPED', {}, { names: rules.join(', ') }));
  for (const one of others.filter((other) => other.kind === 'large object')) {
    findings.push(finding('LARGE_OBJECTS', {}, { count: one.name }));
  }
  const rest = others.filter((one) => one.kind !== 'rule' && one.kind !== 'large object');
  if (rest.length > 0) {
    findings.push(
      finding('OTHER_OBJECT', {}, { names: rest.map((one) => `${one.kind} ${one.name}`).join(', ') }),
    );
  }
  return findings;
}

function widenedFinding(tables: readonly TablePlan[]): Finding[] {
  const columns = tables.flatMap((table) =>
    table.columns
      .filter(
        (one) =>
          one.origin === 'own' && one.targetType === 'bigint' && /^(integer|smallint)$/.test(one.sourceType),
      )
      .map((one) => `${table.table}.${one.name}`),
  );
  return columns.length > 0 ? [finding('SERIAL_WIDENED', {}, { columns: columns.join(', ') })] : [];
}

function mappedFinding(tables: readonly TablePlan[]): Finding[] {
  const changes = new Set(
    tables
      .flatMap((table) => table.columns)
      .filter((one) => one.sourceType !== one.targetType && one.targetType !== 'bigint')
      .map((one) => `${one.sourceType} to ${one.targetType}`),
  );
  return changes.size > 0 ? [finding('TYPE_MAPPED', {}, { types: [...changes].sort().join(', ') })] : [];
}
