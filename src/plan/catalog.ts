import type {
  Catalog,
  ColumnDef,
  ColumnSettings,
  Comment,
  ConstraintDef,
  FunctionDef,
  Grant,
  IndexDef,
  Named,
  ObjectGrant,
  SequenceDef,
  TableDef,
  TypeDef,
  ViewDef,
} from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import type { Queryable } from '../core/queryable.js';
import { sql } from '../postgres/sql-files.js';
import {
  type Raw,
  toColumn,
  toConstraint,
  toFunction,
  toGrant,
  toIndex,
  toSequence,
  toType,
} from './catalog-rows.js';
import { byName, byText, compareText, sorted } from './order.js';
import { orderViews } from './view-order.js';

/**
 * Everything that users made in the database, sorted, names qualified outside pg_catalog. Leaves `search_path` at
 * pg_catalog, as every session of this program has it. Needs PostgreSQL 14 to 18 and reads the catalog alone.
 */
export async function readCatalog(source: Queryable): Promise<Catalog> {
  await source.query('SET search_path = pg_catalog');
  const read = (file: string): Promise<Raw[]> => source.query<Raw>(sql(`plan/${file}`));
  const schemas = await read('schemas');
  const extensions = await read('extensions');
  const types = await read('types');
  const functions = await read('functions');
  const sequences = await read('sequences');
  const tables = await readTables(read);
  const views = await read('views');
  const indexes = groupByTable(await read('indexes'));
  return {
    schemas: sorted(
      schemas.map((row) => String(row.name)),
      compareText,
    ),
    extensions: sorted(
      extensions as unknown as Catalog['extensions'],
      byText((one) => one.name),
    ),
    types: sorted(types.map(toType), byName<TypeDef>),
    functions: sorted(
      functions.map(toFunction),
      byText((one: FunctionDef) => `${qualified(one)}(${one.arguments})`),
    ),
    sequences: sorted(sequences.map(toSequence), byName<SequenceDef>),
    tables: tables.map((table) => ({ ...table, indexes: indexesOf(table, indexes) })),
    views: orderViews(
      views.map((row) => {
        const { groupedBy, ...view } = row as unknown as Omit<ViewDef, 'order' | 'indexes'>;
        return {
          ...view,
          reads: sorted(view.reads ?? [], byName<Named>),
          ...(groupedBy ? { groupedBy: sorted(groupedBy, byName<Named & { constraint: string }>) } : {}),
          indexes: indexesOf(view, indexes),
        };
      }),
    ),
    statistics: sorted((await read('statistics')) as unknown as NonNullable<Catalog['statistics']>, byName),
    grants: sorted(
      (await read('object-grants')).map(toObjectGrant),
      byText((one) => `${one.on} ${grantKey(one)}`),
    ),
    owners: sorted(
      (await read('owners')).map((row) => ({
        on: String(row.on),
        object: { schema: String(row.schema), name: String(row.name) },
        owner: String(row.owner),
      })),
      byText((one) => one.on),
    ),
    comments: sorted(
      (await read('comments')) as unknown as Comment[],
      byText((one) => `${one.type} ${one.identity}`),
    ),
    others: sorted(
      (await read('others')).map((row) => ({
        kind: String(row.kind),
        name: String(row.name),
        ...(row.table ? { table: row.table as Named } : {}),
      })),
      byText((one) => `${one.kind} ${one.name}`),
    ),
  };
}

async function readTables(read: (file: string) => Promise<Raw[]>): Promise<TableDef[]> {
  const tables = await read('tables');
  const columns = groupByTable(await read('columns'));
  const constraints = groupByTable(await read('constraints'));
  const triggers = groupByTable(await read('triggers'));
  const policies = groupByTable(await read('policies'));
  const grants = groupByTable(await read('table-grants'));
  const definitions = tables.map((row): TableDef => {
    const name = { schema: String(row.schema), name: String(row.name) };
    const of = (rows: ReadonlyMap<string, Raw[]>): Raw[] => rows.get(qualified(name)) ?? [];
    return {
      ...name,
      kind: row.kind as TableDef['kind'],
      unlogged: row.unlogged === true,
      ...(row.partitionBy ? { partitionBy: String(row.partitionBy) } : {}),
      ...(row.partitionOf ? { partitionOf: row.partitionOf as NonNullable<TableDef['partitionOf']> } : {}),
      inherits: row.inherits as Named[],
      ...(row.hasHeirs === true ? { hasHeirs: true } : {}),
      owner: String(row.owner),
      columns: of(columns).map(toColumn) as ColumnDef[],
      constraints: sorted(
        of(constraints).map(toConstraint),
        byText((one: ConstraintDef) => one.name),
      ),
      indexes: [],
      triggers: sorted(
        of(triggers).map(toTrigger),
        byText((one) => one.name),
      ),
      rowSecurity: { enabled: row.rowSecurityEnabled === true, forced: row.rowSecurityForced === true },
      policies: sorted(
        of(policies).map(toPolicy),
        byText((one) => one.name),
      ),
      grants: sorted(of(grants).map(toGrant), byText(grantKey)),
      options: row.options as string[],
      ...replicaIdentityOf(row),
      ...(row.settings ? { settings: (row.settings as Raw[]).map(toSettings) } : {}),
    };
  });
  return sorted(definitions, byName<TableDef>);
}

function replicaIdentityOf(row: Raw): Pick<TableDef, 'replicaIdentity'> {
  if (row.replicaIdentity === 'INDEX') {
    // An index that was dropped since leaves the table without an identity.
    return { replicaIdentity: row.replicaIndex === null ? 'NOTHING' : { index: String(row.replicaIndex) } };
  }
  return row.replicaIdentity === null ? {} : { replicaIdentity: row.replicaIdentity as 'FULL' | 'NOTHING' };
}

const toSettings = (row: Raw): ColumnSettings =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as unknown as ColumnSettings;

function toTrigger(row: Raw): TableDef['triggers'][number] {
  return {
    name: String(row.name),
    definition: String(row.definition),
    ...(row.enabled ? { enabled: row.enabled as 'DISABLE' | 'ENABLE REPLICA' | 'ENABLE ALWAYS' } : {}),
  };
}

function toPolicy(row: Raw): TableDef['policies'][number] {
  return {
    name: String(row.name),
    command: String(row.command),
    permissive: row.permissive === true,
    roles: sorted(row.roles as string[], compareText),
    ...(row.using === null ? {} : { using: String(row.using) }),
    ...(row.check === null ? {} : { check: String(row.check) }),
  };
}

function toObjectGrant(row: Raw): ObjectGrant {
  return {
    ...toGrant(row),
    on: String(row.on),
    object: { schema: String(row.schema), name: String(row.name) },
  };
}

const grantKey = (grant: Grant): string =>
  [grant.grantee, grant.columns?.join() ?? '', grant.grantable ? 1 : 0, ...grant.privileges].join(' ');

function indexesOf(relation: Named, indexes: ReadonlyMap<string, Raw[]>): IndexDef[] {
  return sorted(
    (indexes.get(qualified(relation)) ?? []).map(toIndex),
    byText((one: IndexDef) => one.name),
  );
}

/** Rows with `schema` and `table` by the qualified name of that table, in the order they came. */
function groupByTable(rows: readonly Raw[]): Map<string, Raw[]> {
  const groups = new Map<string, Raw[]>();
  for (const row of rows) {
    const key = qualified({ schema: String(row.schema), name: String(row.table) });
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
