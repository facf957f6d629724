import { randomUUID } from 'node:crypto';
import type { Database, Node } from '../citus/database.js';
import { readShards } from '../citus/shards.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { quoteLiteral } from '../core/names.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { persist } from './attempts.js';
import type { FollowRequest } from './follower.js';
import { requestShim } from './handover.js';
import { isProbe, PROBES, valuesOf } from './probe-tables.js';
import { ReverseFollower } from './reverse-follower.js';
import { readCaptured } from './state.js';

/** A row that was written on one node, through one. */
export interface ProbeRow {
  readonly probe: string;
  readonly place: string;
  readonly token: string;
  /** Where the row lies, and through which node it was written. */
  readonly node: Node;
  readonly through: Node;
}

export interface Proof {
  /** Everything that was written came back, and went again. */
  readonly holds: boolean;
  /** Nodes on which rows were written, and those through which. */
  readonly nodes: readonly string[];
  readonly through: readonly string[];
  readonly rows: number;
  /** What did not come back, or did not go again, one sentence each, with the node. */
  readonly problems: readonly string[];
  readonly tookMs: number;
}

/** Nodes that keep rows of captured distributed tables. */
async function holders({ session, connector, kind }: Database): Promise<ReadonlySet<Node>> {
  if (kind === 'single') return new Set();
  const shards = await readShards(session, connector);
  const captured = (await readCaptured(session)).filter(({ table }) => !isProbe(table));
  return new Set(
    captured.flatMap(({ table }) => {
      const found = shards.get(table);
      return found?.kind === 'distributed' ? found.shards.flatMap(({ nodes }) => nodes) : [];
    }),
  );
}

/** What is to be written: on each node a row through the coordinator, and through each worker one on the next node. */
export async function plannedRows(target: Database): Promise<ProbeRow[]> {
  const run = randomUUID();
  const { session, head } = target;
  const row = (probe: string, place: string, node: Node, through: Node): ProbeRow => ({
    ...{ probe, place, node, through },
    token: `${run} on ${node.name} through ${through.name}`,
  });
  const own = row(PROBES.local, '1', head, head);
  if (target.kind === 'single') return [own];
  const { type } = await session.one<{ type: string }>(
    `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = '${PROBES.spread}'::regclass AND attname = 'place'`,
  );
  const places = await session.query<{ group: number; one: string; other: string }>(
    sql('dualwrite/probe-values', { ...valuesOf(type) }),
    'look where rows of the probe come to lie',
  );
  const nodes = places.map(({ group, ...two }) => ({ node: target.node(group), ...two }));
  const workers = await session.query<{ group: number }>(sql('dualwrite/probe-workers'), 'look at the nodes');
  return [
    own,
    ...nodes.map(({ node, one }) => row(PROBES.spread, one, node, head)),
    ...workers.flatMap(({ group }) => {
      const at = nodes.findIndex(({ node }) => node.groupId === group);
      const next = nodes[(at + 1) % nodes.length];
      return next === undefined ? [] : [row(PROBES.spread, next.other, next.node, target.node(group))];
    }),
  ];
}

const columnsOf = (name: string): string =>
  `SELECT ${quoteLiteral(name)} AS probe, place::text, token FROM ${name}`;

/** What lies in the probes' ends on the single node. */
const arrived = (session: Session, names: readonly string[]): Promise<ProbeRow[]> =>
  session.query<ProbeRow>(names.map(columnsOf).join(' UNION ALL '), 'read what came back');

async function write(target: Database, rows: readonly ProbeRow[]): Promise<void> {
  for (const through of new Set(rows.map((row) => row.through))) {
    const session = await target.connect(through);
    try {
      for (const { probe, place, token } of rows.filter((row) => row.through === through))
        await session.query(
          `INSERT INTO ${probe} (place, token) VALUES (${quoteLiteral(place)}, ${quoteLiteral(token)})`,
          `write on the cluster through ${through.name}`,
        );
    } finally {
      await session.close();
    }
  }
}

async function clear(target: Database, names: readonly string[]): Promise<void> {
  const session = await target.connect();
  try {
    for (const name of names) await session.query(`DELETE FROM ${name}`, 'take the rows of the probe away');
  } finally {
    await session.close();
  }
}

/**
 * Writes a row of the shim's own on every node of the cluster, brings it to the single node by the passes that bring
 * everything, reads it there, and has it gone again the same way. A running `sync` gives up its place for as long.
 * Nothing of the application is touched. Throws what a pass throws, RUN_LOCKED, SHIM_MISSING.
 */
export async function proveWayBack(request: FollowRequest, context: Context): Promise<Proof> {
  const { source, target } = request;
  const startedAt = context.clock.now();
  const place = await source.connect();
  let follower: ReverseFollower | undefined;
  try {
    await requestShim(place, context);
    follower = await persist(() => ReverseFollower.open(request, context), context);
    const pass = (): Promise<unknown> => persist(() => follower!.pass(), context);
    const rows = await plannedRows(target);
    const names = [...new Set(rows.map(({ probe }) => probe))];
    const known = (await readCaptured(target.session)).map(({ table }) => table);
    if (names.some((name) => !known.includes(name))) {
      throw new MigrateError('SHIM_MISSING', {
        message: 'The capture on the cluster was installed before there was a probe of it',
        hint: 'Repeat `migrate shim install --reverse`, which adds it.',
      });
    }
    // Of a probe that was interrupted.
    await clear(target, names);
    await pass();
    for (const name of names) await place.query(`DELETE FROM ${name}`, 'take the rows of the probe away');
    const problems: string[] = [];
    try {
      await write(target, rows);
      await context.fail('probe: after the rows were written');
      await pass();
      const found = new Set(
        (await arrived(place, names)).map((row) => `${row.probe} ${row.place} ${row.token}`),
      );
      for (const { probe, place: at, token, node, through } of rows)
        if (!found.has(`${probe} ${at} ${token}`))
          problems.push(`what was written on ${node.name} through ${through.name} did not come back`);
    } finally {
      await clear(target, names);
    }
    await pass();
    const left = await arrived(place, names);
    for (const row of rows)
      if (left.some(({ token }) => token === row.token))
        problems.push(`what was deleted on ${row.node.name} is still on the single node`);
    const nodes = new Set(rows.map(({ node }) => node));
    for (const node of await holders(target))
      if (!nodes.has(node))
        problems.push(`nothing could be written on ${node.name}: no shard of the probe lies there`);
    return {
      holds: problems.length === 0,
      nodes: [...nodes].map(({ name }) => name),
      through: [...new Set(rows.map(({ through }) => through.name))],
      rows: rows.length,
      problems,
      tookMs: context.clock.now() - startedAt,
    };
  } finally {
    await follower?.close();
    await place.close();
  }
}
