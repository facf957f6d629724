import type { Database } from '../citus/database.js';
import { readShards } from '../citus/shards.js';
import type { Named } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified, quoteIdent } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';
import { sql } from '../postgres/sql-files.js';

interface Invalid extends Named {
  readonly index: string;
}

/**
 * Throws TARGET_INDEX_INVALID, with all at once, where shards of planned tables have indexes that nobody finished
 * while the coordinator calls them valid: the planner would not use them there. Builds of this program are
 * transactions and leave none (measured: a killed backend, client and worker), so they are never dropped here.
 */
export async function refuseInvalidShardIndexes(writer: Database, plan: Plan): Promise<void> {
  if (writer.kind !== 'citus') return;
  const command = sql('load/invalid-indexes');
  const answers = await writer.session.query<{ node: string; success: boolean; result: string }>(
    sql('load/on-workers', { command }),
    'look for invalid indexes',
  );
  const invalid = answers.flatMap(({ node, success, result }) =>
    success ? (JSON.parse(result) as Invalid[]).map((each) => ({ node, ...each })) : [],
  );
  if (invalid.length === 0) return;
  const planned = new Set(plan.tables.map(qualified));
  const tableOf = new Map<string, Named>();
  for (const { table, shards } of (await readShards(writer.session, writer.connector)).values()) {
    if (planned.has(qualified(table)))
      for (const { relation } of shards) tableOf.set(qualified(relation), table);
  }
  const found = invalid.flatMap(({ node, index, ...relation }) => {
    const table = tableOf.get(qualified(relation));
    return table === undefined ? [] : [`${quoteIdent(index)} of ${displayName(table)} on ${node}`];
  });
  if (found.length === 0) return;
  throw new MigrateError('TARGET_INDEX_INVALID', {
    message: `Shards have indexes that nobody finished: ${found.join(', ')}`,
    hint: 'Drop these indexes on the coordinator (DROP INDEX, without the number at the end) and repeat the command, which builds them anew; what stands is kept.',
    context: { indexes: found },
  });
}
