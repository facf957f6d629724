import type { Shard } from '../citus/shards.js';
import type { Named } from '../core/catalog-types.js';
import type { Context } from '../core/context.js';
import { displayName, qualified, quoteLiteral } from '../core/names.js';
import { parallel } from '../core/parallel.js';
import type { SchemaResult } from '../core/verification.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { CheckedSide } from './checked-side.js';
import { differences, objectOf } from './schema-compare.js';

/** Relations whose parts are read at once. */
const BATCH = 500;

interface Fact {
  readonly label: string;
  readonly kind: string;
  readonly name: string | null;
  readonly definition: string;
}

/** Kinds of parts that may stand more than once with one name: every definition is a part of its own. */
const MANY = new Set(['privilege']);

/** Every shard and copy, on every node, has what its table has on the coordinator. The last result tells how many. */
export async function compareShards(
  { cut, pool, shards: known }: CheckedSide,
  scope: ReadonlySet<string>,
  jobs: number,
  context: Context,
): Promise<SchemaResult[]> {
  const tables = [...known.values()].filter(({ table }) => scope.has(qualified(table)));
  const { head, nodes } = cut.database;
  const planned = await pool.use(head, (session) =>
    readFacts(
      session,
      tables.map(({ table }) => ({ relation: table, label: qualified(table) })),
    ),
  );
  const results: SchemaResult[] = [];
  let placements = 0;
  await parallel(nodes, jobs, context.signal, async (node) => {
    const here = tables.flatMap(({ table, shards }) =>
      shards.filter((shard) => shard.nodes.includes(node)).map((shard) => ({ table, shard })),
    );
    placements += here.length;
    await pool.use(node, async (session) => {
      for (let at = 0; at < here.length; at += BATCH) {
        const batch = here.slice(at, at + BATCH);
        const found = await readFacts(
          session,
          batch.map(({ shard }) => ({ relation: shard.relation, label: qualified(shard.relation) })),
        );
        for (const { table, shard } of batch) {
          const own = found.get(qualified(shard.relation)) ?? [];
          results.push(
            ...compareShard(table, shard, planned.get(qualified(table)) ?? [], own).map((one) => ({
              ...one,
              shardId: shard.shardId,
              node: node.name,
              detail: `${one.detail} on shard ${shard.shardId} (${displayName(shard.relation)}) on ${node.name}`,
            })),
          );
        }
      }
    });
  });
  results.sort((a, b) =>
    a.object < b.object ? -1 : a.object > b.object ? 1 : Number(a.shardId) - Number(b.shardId),
  );
  if (results.length > 0) return results;
  return [
    { kind: 'shard', object: 'shards', verdict: 'match', detail: `${placements} are like their tables` },
  ];
}

function compareShard(
  table: Named,
  shard: Shard,
  planned: readonly Fact[],
  found: readonly Fact[],
): SchemaResult[] {
  if (found.length === 0)
    return [
      { kind: 'shard', object: `table ${displayName(table)}`, verdict: 'mismatch', detail: 'is missing' },
    ];
  const suffix = `_${shard.shardId}`;
  const part = ({ kind, name, definition }: Fact) => ({
    kind,
    // Citus puts the shard's id behind the names of indexes and some constraints.
    name: MANY.has(kind)
      ? `${definition} of ${name}`
      : (name ?? '').endsWith(suffix)
        ? name!.slice(0, -suffix.length)
        : (name ?? ''),
    definition: MANY.has(kind) ? '' : definition,
  });
  const exact = (left: string, right: string): boolean => left === right;
  return differences(pairUp(planned.map(part), found.map(part)), found.map(part), exact).map(
    ({ kind, name, detail }) => ({
      kind,
      object: objectOf(kind, name, displayName(table)),
      verdict: 'mismatch',
      detail,
    }),
  );
}

interface Part {
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
}

/**
 * The parts of the table under the names that they have on the shard: a long name is cut there and gets a hash, so
 * one that is not found by its name is taken for the one of its kind with the same definition.
 */
function pairUp(planned: readonly Part[], found: readonly Part[]): Part[] {
  const names = (parts: readonly Part[]) => new Set(parts.map(({ kind, name }) => `${kind} ${name}`));
  const [known, wanted] = [names(found), names(planned)];
  const spare = found.filter(({ kind, name }) => !wanted.has(`${kind} ${name}`));
  return planned.map((part) => {
    if (known.has(`${part.kind} ${part.name}`)) return part;
    const at = spare.findIndex((one) => one.kind === part.kind && one.definition === part.definition);
    return at < 0 ? part : { ...part, name: spare.splice(at, 1)[0]!.name };
  });
}

async function readFacts(
  session: Session,
  relations: readonly { relation: Named; label: string }[],
): Promise<Map<string, Fact[]>> {
  const facts = new Map<string, Fact[]>();
  if (relations.length === 0) return facts;
  const rows = await session.query<Fact>(
    sql('verify/relation-facts', {
      relations: relations
        .map(
          ({ relation, label }) =>
            `(${[relation.schema, relation.name, label].map(quoteLiteral).join(', ')})`,
        )
        .join(', '),
    }),
    'read what the shards are made of',
  );
  for (const fact of rows) {
    const list = facts.get(fact.label);
    if (list === undefined) facts.set(fact.label, [fact]);
    else list.push(fact);
  }
  return facts;
}
