import type { Catalog, ColumnDef, SequenceDef, TableDef } from '../core/catalog-types.js';
import { displayName, parseName, qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { sequenceOptions } from './ddl-types.js';
import { byText, sorted, topological } from './order.js';
import { nameLiteral, relationExists, type Statement } from './statement.js';

/** Tables after those they are a partition of. Row-level security is on from the start: nobody sees rows early. */
export function tableStatements(catalog: Catalog): Statement[] {
  const byTable = new Map(catalog.tables.map((table) => [qualified(table), table]));
  const parents = (table: TableDef): string[] =>
    [...(table.partitionOf ? [table.partitionOf] : []), ...table.inherits].map(qualified);
  return topological(catalog.tables, qualified, parents).flatMap((table) => {
    const about = `table ${displayName(table)}`;
    const parent = table.partitionOf && byTable.get(qualified(table.partitionOf));
    const attach = parent !== undefined && !sameColumns(table, parent);
    const statements: Statement[] = [
      {
        sql: createTable(table, attach ? undefined : parent, catalog),
        about,
        kind: 'table',
        exists: relationExists(table),
        table: displayName(table),
      },
    ];
    if (attach) {
      statements.push({
        sql: `ALTER TABLE ${qualified(parent)} ATTACH PARTITION ${qualified(table)} ${table.partitionOf!.bound}`,
        about: `${about} as a partition`,
        kind: 'table',
        exists: `SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(${nameLiteral(table)}))`,
        table: displayName(table),
      });
    }
    return statements;
  });
}

export function rowSecurityStatements(catalog: Catalog): Statement[] {
  return catalog.tables
    .filter((table) => table.rowSecurity.enabled)
    .map((table) => ({
      sql: `ALTER TABLE ${qualified(table)} ENABLE ROW LEVEL SECURITY`,
      about: `row-level security of ${displayName(table)}`,
      kind: 'security',
      exists: `SELECT coalesce((SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(${nameLiteral(table)})), false)`,
      table: displayName(table),
    }));
}

const sameColumns = (table: TableDef, parent: TableDef): boolean =>
  table.columns.length === parent.columns.length &&
  table.columns.every((column, place) => column.name === parent.columns[place]!.name);

function createTable(table: TableDef, parent: TableDef | undefined, catalog: Catalog): string {
  const checks = table.constraints
    .filter((one) => one.kind === 'check' && one.validated)
    .map((one) => `CONSTRAINT ${quoteIdent(one.name)} ${one.definition}`);
  const columns = parent
    ? table.columns.flatMap((column, place) => partitionColumn(column, parent.columns[place]!))
    : table.columns.map((column) => columnSql(column, identityOf(table, column, catalog)));
  const body = [...columns, ...checks].map((line) => `  ${line}`).join(',\n');
  const options = table.options.map((option) => {
    const [name, ...value] = option.split('=');
    return `${name} = ${quoteLiteral(value.join('=')).trim()}`;
  });
  return [
    `CREATE ${table.unlogged ? 'UNLOGGED ' : ''}TABLE ${qualified(table)}`,
    parent ? ` PARTITION OF ${qualified(parent)}` : '',
    parent && body === '' ? '' : ` (\n${body}\n)`,
    parent ? ` ${table.partitionOf!.bound}` : '',
    table.inherits.length > 0 ? ` INHERITS (${table.inherits.map(qualified).join(', ')})` : '',
    table.partitionBy === undefined ? '' : ` PARTITION BY ${table.partitionBy}`,
    options.length > 0 ? ` WITH (${options.join(', ')})` : '',
  ].join('');
}

/** What a partition has beyond its parent. */
function partitionColumn(column: ColumnDef, parent: ColumnDef): string[] {
  const clauses = [
    column.default !== undefined && column.default !== parent.default ? `DEFAULT ${column.default}` : '',
    column.notNull && !parent.notNull ? 'NOT NULL' : '',
  ].filter(Boolean);
  return clauses.length > 0 ? [`${quoteIdent(column.name)} WITH OPTIONS ${clauses.join(' ')}`] : [];
}

function columnSql(column: ColumnDef, identity: SequenceDef | undefined): string {
  return [
    `${quoteIdent(column.name)} ${column.type}`,
    column.collation === undefined ? '' : `COLLATE ${column.collation}`,
    column.generated === undefined ? '' : `GENERATED ALWAYS AS (${column.generated}) STORED`,
    column.default === undefined ? '' : `DEFAULT ${column.default}`,
    column.identity && identity
      ? `GENERATED ${column.identity.toUpperCase()} AS IDENTITY (SEQUENCE NAME ${qualified(identity)} ${sequenceOptions(identity)})`
      : '',
    column.notNull ? 'NOT NULL' : '',
  ]
    .filter(Boolean)
    .join(' ');
}

const identityOf = (table: TableDef, column: ColumnDef, catalog: Catalog): SequenceDef | undefined =>
  catalog.sequences.find(
    ({ ownedBy }) =>
      ownedBy?.kind === 'identity' &&
      ownedBy.column === column.name &&
      qualified(ownedBy) === qualified(table),
  );

/** Groups are led by their first table by name, so that name order is also an order in which leads come first. */
export function distributionStatements(tables: readonly TablePlan[], catalog: Catalog): Statement[] {
  const roots = new Set(catalog.tables.filter((table) => !table.partitionOf).map(qualified));
  return sorted(
    tables.filter((table) => roots.has(qualified(table))),
    byText((table) => table.table),
  ).flatMap((table): Statement[] => {
    const { placement } = table;
    if (placement.kind === 'local') return [];
    const sql =
      placement.kind === 'reference'
        ? `SELECT create_reference_table(${nameLiteral(table)})`
        : `SELECT create_distributed_table(${nameLiteral(table)}, ${quoteLiteral(placement.column)}, 'hash', ${
            placement.colocateWith === undefined
              ? `colocate_with => 'none', shard_count => ${placement.shardCount}`
              : `colocate_with => ${nameLiteral(parseName(placement.colocateWith))}`
          })`;
    return [
      {
        sql,
        about: `distribution of ${table.table}`,
        kind: 'distribution',
        exists: `SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass(${nameLiteral(table)}) AND NOT (partmethod = 'n' AND repmodel = 's'))`,
        table: table.table,
      },
    ];
  });
}
