import type { TableDef } from '../core/catalog-types.js';
import type { Finding, TablePlan } from '../core/plan-types.js';
import { finding } from './findings.js';

/**
 * The settings of a table as the target is to have them. A column of another type has that type's storage. On a
 * cluster NOTHING would stand in the way of moving shards without blocking writes, and an index serves as identity
 * only when none of its columns can be NULL.
 */
export function targetSettings(
  made: TableDef,
  plan: TablePlan,
): Pick<TableDef, 'settings' | 'replicaIdentity'> {
  const mapped = new Set(
    plan.columns.filter((one) => one.sourceType !== one.targetType).map((one) => one.name),
  );
  const { replicaIdentity: identity } = made;
  const cluster = plan.placement.kind !== 'local';
  const kept =
    identity === 'NOTHING' ? !cluster : typeof identity !== 'object' || hasIdentity(made, identity.index);
  return {
    ...(made.settings ? { settings: made.settings.filter((one) => !mapped.has(one.column)) } : {}),
    ...(identity !== undefined && kept ? { replicaIdentity: identity } : {}),
  };
}

function hasIdentity(table: TableDef, name: string): boolean {
  const index = [...table.indexes, ...table.constraints].find((one) => one.name === name);
  if (index === undefined) return false;
  return index.columns.every((column) => table.columns.some((one) => one.name === column && one.notNull));
}

/** What of these the target will not have, although the source does. `made`: the table as planned for the target. */
export function settingFindings(table: TableDef, made: TableDef, { placement }: TablePlan): Finding[] {
  const findings: Finding[] = [];
  if (table.replicaIdentity !== undefined && made.replicaIdentity === undefined)
    findings.push(finding('REPLICA_IDENTITY', { table }));
  if (placement.kind === 'local') return findings;
  const lost = [
    ...(table.partitionOf ? (table.settings ?? []).map((one) => `column ${one.column}`) : []),
    ...table.options.filter((one) => one.startsWith('toast.')),
  ];
  if (lost.length > 0) findings.push(finding('STORAGE_LOST', { table }, { names: lost.join(', ') }));
  return findings;
}
