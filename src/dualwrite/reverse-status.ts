import type { Database } from '../citus/database.js';
import { displayName, parseName } from '../core/names.js';
import { sql } from '../postgres/sql-files.js';
import { logOf } from './names.js';
import { isProbe } from './probe-tables.js';
import { NodeSessions } from './reverse-nodes.js';
import { readSizes } from './segments.js';
import { brokenTriggers, changedShapes, readShapes } from './shape.js';
import { readCaptured, readState, whyDropped } from './state.js';
import type { ShimStatus, ShimTable } from './status.js';

/**
 * What is captured on the cluster, and how much of it waits, over all nodes; null: nothing is captured there. The
 * limit is that of one node, and `bytes` is what the node takes that takes most.
 */
export async function reverseStatus(target: Database): Promise<ShimStatus | null> {
  const state = await readState(target.session);
  if (state === undefined) return null;
  const captured = await readCaptured(target.session);
  const shapes = await readShapes(
    target.session,
    captured.map(({ table }) => table),
  );
  const nodes = await NodeSessions.open(target);
  const totals = new Map(captured.map(({ id }) => [id, { changes: 0, logBytes: 0 }]));
  const problems = new Set([
    ...changedShapes(
      captured.flatMap(({ shape }) => shape),
      shapes,
    ),
    ...brokenTriggers(shapes),
  ]);
  const silent = new Set<string>();
  let seconds = 0;
  let bytes = 0;
  let truncations = 0;
  try {
    for (const { node, session } of nodes.all) {
      const own = await readState(session);
      const known = own === undefined ? [] : await readCaptured(session);
      const ids = new Set(known.map(({ id }) => id));
      if (own === undefined || captured.some(({ id }) => !ids.has(id))) {
        problems.add(`nothing is captured on ${node.name}, which joined the cluster after the install`);
        continue;
      }
      const { unseen } = await session.one<{ unseen: boolean }>(
        "SELECT to_regclass('citus_migrate.unseen') IS NOT NULL AS unseen",
      );
      if (unseen) problems.add(`rows were written on ${node.name} before it captured`);
      const dropped = whyDropped(own);
      if (dropped !== undefined) problems.add(`on ${node.name} ${dropped}`);
      if (own.drained === null) problems.add('the install was never finished');
      const drained = own.drained ?? '1:1:';
      const sizes = await readSizes(session);
      bytes = Math.max(
        bytes,
        sizes.reduce((sum, size) => sum + size.bytes, 0),
      );
      for (const { id } of captured) {
        const total = totals.get(id)!;
        const { changes, at } = await session.one<{ changes: string; at: string | null }>(
          sql('dualwrite/pending', { id, log_1: logOf(id, 1), log_2: logOf(id, 2), drained }),
          'read the change log',
        );
        total.changes += Number(changes);
        total.logBytes += sizes.reduce((sum, size) => (size.id === id ? sum + size.bytes : sum), 0);
        seconds = Math.max(seconds, Number(at ?? 0));
      }
      const emptied = await session.query<{ at: string }>(
        sql('dualwrite/truncations', { drained }),
        'read the change log',
      );
      truncations += emptied.length;
      seconds = Math.max(seconds, ...emptied.map(({ at }) => Number(at)));
      if (target.kind !== 'citus') continue;
      for (const { relation } of await session.query<{ relation: string }>(
        sql('dualwrite/reverse-silent'),
        'look at the triggers',
      )) {
        silent.add(`triggers of ${relation} on ${node.name} are missing or were switched off for a time`);
      }
    }
  } finally {
    await nodes.close();
  }
  for (const problem of silent) problems.add(problem);
  const own = captured.filter(({ table }) => !isProbe(table));
  const tables: ShimTable[] = own.map(({ id, table }) => ({
    table: displayName(parseName(table)),
    captured: shapes.some((shape) => shape.root === table) && silent.size === 0,
    ...totals.get(id)!,
  }));
  return {
    installed: true,
    installedAt: state.installedAt,
    tables,
    log: {
      changes: tables.reduce((sum, table) => sum + table.changes, truncations),
      seconds,
      bytes,
      limitBytes: state.limitBytes,
      policy: state.policy,
    },
    problems: [...problems],
  };
}
