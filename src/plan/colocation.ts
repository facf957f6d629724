import type { ColumnDef, TableDef } from '../core/catalog-types.js';
import { displayName, qualified } from '../core/names.js';
import type { Finding, Placement } from '../core/plan-types.js';
import { finding } from './findings.js';
import { PLAN_DEFAULTS } from './options.js';
import { byText, sorted } from './order.js';
import type { Choice, KeyChoice, PlacementInput } from './placement.js';
import { columnKey, typeParts } from './types.js';

/** Hash functions of types that a key may be mapped or widened to. */
const HASHES: Readonly<Record<string, string>> = {
  smallint: 'hashint2',
  integer: 'hashint4',
  bigint: 'hashint8',
  uuid: 'uuid_hash',
  text: 'hashtext',
  'character varying': 'hashtext',
};

/**
 * Groups distributed tables by the type of their key (length modifiers do not matter to Citus, the type and the
 * collation do): the first of each group by name leads it.
 */
export function assignGroups(
  choices: ReadonlyMap<string, Choice>,
  { catalog, types, config }: Pick<PlacementInput, 'catalog' | 'types' | 'config'>,
): { placements: Map<string, Placement>; findings: Finding[] } {
  const placements = new Map<string, Placement>();
  const findings: Finding[] = [];
  const leads = new Map<string, string>();
  const heirs = new Set(catalog.tables.filter((one) => one.hasHeirs).map(qualified));
  const roots = sorted(
    catalog.tables.filter((table) => !table.partitionOf),
    byText(displayName),
  );
  for (const table of roots) {
    const choice = choices.get(qualified(table)) ?? 'local';
    if (typeof choice === 'string') {
      placements.set(qualified(table), { kind: choice });
      continue;
    }
    const { type, hash } = target(choice, types);
    if (hash === undefined) {
      findings.push(finding('KEY_TYPE_MAPPED', { table }, { column: choice.column, type }));
      placements.set(qualified(table), { kind: 'local' });
      continue;
    }
    if (
      choice.via.length === 0 &&
      catalog.types.some((one) => one.kind === 'domain' && qualified(one) === type)
    ) {
      findings.push(finding('DOMAIN_KEY', { table }, { column: choice.column, type }));
    }
    const group = groupOf(choice, type);
    const lead = leads.get(group);
    if (lead === undefined) leads.set(group, displayName(table));
    placements.set(qualified(table), {
      kind: 'distributed',
      column: choice.column,
      type,
      hashFunction: hash,
      via: choice.via.map((step) =>
        heirs.has(qualified(step.references)) ? { ...step, only: true as const } : step,
      ),
      ...(lead === undefined ? {} : { colocateWith: lead }),
      shardCount: config.shardCount ?? PLAN_DEFAULTS.shardCount,
    });
  }
  followRoots(catalog.tables, placements);
  findings.push(...splitFinding(roots, choices, types));
  return { placements, findings };
}

function target({ origin }: KeyChoice, types: PlacementInput['types']): { type: string; hash?: string } {
  const { table, column } = origin;
  const type = types.get(columnKey(table, column.name)) ?? column.type;
  const hash = type === column.type ? column.hashFunction : HASHES[typeParts(type).base];
  return hash === undefined ? { type } : { type, hash };
}

const groupOf = (choice: KeyChoice, type: string): string =>
  choice.family === undefined ? typeName(choice.origin.column, type) : `family ${choice.family} ${type}`;

const typeName = (column: ColumnDef, type: string): string =>
  typeParts(type).base + (column.collation === undefined ? '' : ` collate ${column.collation}`);

/** Partitions are placed with their root; its lead is theirs too, or the root itself. */
function followRoots(tables: readonly TableDef[], placements: Map<string, Placement>): void {
  const byTable = new Map(tables.map((table) => [qualified(table), table]));
  const rootOf = (table: TableDef): TableDef =>
    table.partitionOf ? rootOf(byTable.get(qualified(table.partitionOf))!) : table;
  for (const table of tables.filter((one) => one.partitionOf)) {
    const root = rootOf(table);
    const placement = placements.get(qualified(root))!;
    placements.set(
      qualified(table),
      placement.kind === 'distributed'
        ? { ...placement, colocateWith: placement.colocateWith ?? displayName(root) }
        : placement,
    );
  }
}

function splitFinding(
  roots: readonly TableDef[],
  choices: ReadonlyMap<string, Choice>,
  types: PlacementInput['types'],
): Finding[] {
  // Columns of different names are different keys, and nobody expects those to colocate.
  const byColumn = new Map<string, Map<string, string[]>>();
  for (const table of roots) {
    const choice = choices.get(qualified(table));
    if (choice === undefined || typeof choice === 'string' || choice.family !== undefined) continue;
    const { column } = choice.origin;
    const groups = byColumn.get(column.name) ?? new Map<string, string[]>();
    const type = typeName(column, target(choice, types).type);
    groups.set(type, [...(groups.get(type) ?? []), displayName(table)]);
    byColumn.set(column.name, groups);
  }
  return sorted(
    byColumn,
    byText(([column]) => column),
  )
    .filter(([, groups]) => groups.size > 1)
    .map(([column, groups]) => {
      const texts = sorted(
        groups,
        byText(([type]) => type),
      ).map(([type, members]) => `${type} (${members.join(', ')})`);
      return finding('COLOCATION_SPLIT', {}, { column, groups: texts.join('; ') });
    });
}
