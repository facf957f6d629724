import type { Database } from '../citus/database.js';
import type { Named } from '../core/catalog-types.js';
import { qualified, quoteIdent, quoteLiteral } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { TrackedBack } from './reverse-tracked.js';
import type { CapturedRow } from './state.js';

/**
 * Tables of the shim's own on the cluster, captured as the application's are, by which it is tried whether what is
 * written there comes back: one whose shards lie where the application's do, and one on the coordinator or single node.
 */
const SPREAD: Named = { schema: 'citus_migrate', name: 'probe' };
const LOCAL: Named = { schema: 'citus_migrate', name: 'probe_local' };
export const PROBES = { spread: qualified(SPREAD), local: qualified(LOCAL) };

const NAMES: readonly string[] = Object.values(PROBES);

/** By the qualified name of a table. */
export const isProbe = (table: string): boolean => NAMES.includes(table);

/** Types of which there are as many values as are asked for, by name: their hash, and the n-th value as text. */
const PLACES: Readonly<Record<string, { readonly hash: string; readonly value: string }>> = {
  text: { hash: 'hashtext', value: 'n' },
  'character varying': { hash: 'hashtext', value: 'n' },
  smallint: { hash: 'hashint2', value: 'n % 32768' },
  integer: { hash: 'hashint4', value: 'n' },
  bigint: { hash: 'hashint8', value: 'n' },
  uuid: { hash: 'uuid_hash', value: 'md5(n::text)::uuid' },
};
const baseOf = (type: string): string => type.replace(/\(.*\)$/, '');

/** How values of the spread probe's place are made, whose type is `type`. */
export const valuesOf = (type: string): { hash: string; value: string; type: string } => ({
  ...PLACES[baseOf(type)]!,
  type,
});

/** Type of the place, as the capture has seen it. */
const typeOf = ({ shape }: Pick<CapturedRow, 'shape'>): string => shape[0]!.columns.place!;

function probePlan(name: Named, type: string): TablePlan {
  const column = (of: string, is: string) => ({
    name: of,
    sourceType: is,
    targetType: is,
    origin: 'own' as const,
  });
  return {
    ...name,
    table: qualified(name),
    placement:
      name === LOCAL
        ? { kind: 'local' }
        : {
            kind: 'distributed',
            ...{ column: 'place', type, hashFunction: valuesOf(type).hash, via: [] },
            shardCount: 0,
          },
    key: ['place'],
    columns: [column('place', type), column('token', 'text')],
    format: 'text',
  };
}

/** The plan with the probes that are captured: what passes back follow. */
export function withProbes(plan: Plan, captured: readonly CapturedRow[]): Plan {
  const probes = captured
    .filter(({ table }) => isProbe(table))
    .map((row) => probePlan(row.table === PROBES.local ? LOCAL : SPREAD, typeOf(row)));
  return probes.length === 0 ? plan : { ...plan, tables: [...plan.tables, ...probes] };
}

const exists = async (session: Session, name: string): Promise<boolean> =>
  (await session.one<{ found: boolean }>(`SELECT to_regclass('${name}') IS NOT NULL AS found`)).found;

/** The spread probe: where the application's shards lie, and moving with them; by itself where none can be followed. */
async function spread(target: Database, session: Session, tables: readonly string[]): Promise<void> {
  const types = Object.keys(PLACES).map(quoteLiteral).join(', ');
  const [host] = await session.query<{ table: string; column: string }>(
    sql('dualwrite/probe-place', { tables: tables.map(quoteLiteral).join(', '), types }),
    'look where the shards lie',
  );
  const like =
    host === undefined
      ? 'SELECT 0 AS place'
      : `SELECT t.${quoteIdent(host.column)} AS place FROM ${host.table} t`;
  const beside =
    host === undefined
      ? `colocate_with => 'none', shard_count => ${Math.max(1, target.nodes.length - 1)}`
      : `colocate_with => ${quoteLiteral(host.table)}`;
  await session.transaction(async () => {
    await session.query(sql('dualwrite/probe-create', { like }), 'make the probe');
    await session.query(
      `SELECT create_distributed_table('${PROBES.spread}', 'place', ${beside})`,
      'distribute the probe',
    );
  });
}

/** Makes the probes that are missing, behind the shim's schema on every node. `tables`: qualified names of the captured ones. */
export async function makeProbes(
  target: Database,
  session: Session,
  tables: readonly string[],
): Promise<void> {
  if (target.kind === 'citus' && !(await exists(session, PROBES.spread)))
    await spread(target, session, tables);
  if (await exists(session, PROBES.local)) return;
  await session.transaction(async () => {
    if (target.kind === 'citus') await session.query('SET LOCAL citus.enable_ddl_propagation = off');
    await session.query(sql('dualwrite/probe-local'), 'make the probe');
  });
}

/** What is logged of the probes; `type` is that of the spread one's place. */
export async function trackedProbes(target: Database, session: Session): Promise<TrackedBack[]> {
  const probe = (name: Named, type: string): TrackedBack => ({
    table: probePlan(name, type),
    columns: [{ name: 'place', type }],
  });
  const local = probe(LOCAL, 'integer');
  if (target.kind !== 'citus') return [local];
  const { type } = await session.one<{ type: string }>(
    `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = '${PROBES.spread}'::regclass AND attname = 'place'`,
  );
  return [probe(SPREAD, type), local];
}

/** Takes them away, through the coordinator. */
export async function dropProbes(session: Session): Promise<void> {
  for (const name of NAMES) await session.query(`DROP TABLE IF EXISTS ${name}`, 'remove the probe');
}

/** Takes off a node what Citus would drop there some seconds later: until then the schema is not empty. */
export async function dropOrphans(session: Session): Promise<void> {
  await session.query(sql('dualwrite/probe-orphans'), 'remove the probe');
}

/** Makes what they are brought back to, on the single node. */
export async function makeReturns(source: Database, captured: readonly CapturedRow[]): Promise<void> {
  const session = await source.connect();
  try {
    for (const row of captured) {
      if (!isProbe(row.table)) continue;
      const name = row.table === PROBES.local ? LOCAL.name : SPREAD.name;
      await session.query(
        sql('dualwrite/probe-back', { name, type: typeOf(row) }),
        'make the end of the probe',
      );
    }
  } finally {
    await session.close();
  }
}
