import type { Statement } from '../plan/statement.js';
import { type Session, serverRoutine } from '../postgres/session.js';
import type { BuildBudget } from './build-budget.js';

/**
 * Runs a statement that reads every row of its table, within the budget. Settings of a session do not reach the
 * workers, and set_config() never does (measured, Citus 13.2: 64 MB arrived instead of 333 MB); SET LOCAL does, once
 * citus.propagate_set_commands says so. Citus opens up to 16 connections to a node otherwise, each with a build of
 * its own: so many shards at once are processes enough, without parallel workers in each.
 */
export async function inBudget(
  session: Session,
  statement: Statement,
  { memoryBytes, perNode }: BuildBudget,
  kind: 'single' | 'citus',
): Promise<void> {
  const memory = `SET LOCAL maintenance_work_mem = ${Math.floor(memoryBytes / 1024)}`;
  const alone = 'SET LOCAL max_parallel_maintenance_workers = 0';
  const run = (settings: readonly string[]): Promise<void> =>
    session.transaction(async () => {
      for (const setting of settings) await session.query(setting, `create ${statement.about}`);
      await session.query(statement.sql, `create ${statement.about}`);
    });
  if (kind === 'citus') {
    const pool = `SET LOCAL citus.max_adaptive_executor_pool_size = ${perNode}`;
    await run([pool, `SET LOCAL citus.propagate_set_commands = 'local'`, memory, alone]);
    return;
  }
  try {
    await run([memory]);
  } catch (error) {
    // A parallel HNSW build takes all its memory from /dev/shm at once, and a container has 64 MB there by default.
    if (!serverRoutine(error)?.startsWith('dsm_')) throw error;
    await run([memory, alone]);
  }
}
