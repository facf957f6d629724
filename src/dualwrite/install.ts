import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import { captureDdl } from './capture-ddl.js';
import { captureOf } from './names.js';
import { releaseTable } from './remove.js';
import { type RelationShape, readShapes, TRIGGERS } from './shape.js';
import { withShortLock } from './short-lock.js';
import { type CapturedRow, type LogPolicy, lockShim, readCaptured } from './state.js';
import { planCapture, type Tracked } from './tracked.js';

export interface InstallRequest {
  readonly source: Database;
  readonly plan: Plan;
  readonly tables: readonly TablePlan[];
  /** Bytes that the change log may take on the source's disk. */
  readonly limitBytes: number;
  /** At the limit: tell the server's log, or stop capturing, so that the migration has to copy again. */
  readonly policy: LogPolicy;
}

export interface Installed {
  /** Display names. */
  readonly installed: readonly string[];
  readonly already: readonly string[];
}

function refuse(tracked: readonly Tracked[], shapes: readonly RelationShape[]): readonly string[] {
  const names = new Set(tracked.map(({ table }) => qualified(table)));
  return shapes
    .filter((shape) => names.has(shape.root))
    .flatMap((shape) => [
      ...(shape.inherits ? [`${displayName(shape)}: it takes part in inheritance`] : []),
      ...(shape.subscribed
        ? [`${displayName(shape)}: a subscription writes it, which fires no statement triggers`]
        : []),
    ]);
}

async function installTable(
  session: Session,
  id: number,
  tracked: Tracked,
  shapes: readonly RelationShape[],
): Promise<void> {
  const { table, columns } = tracked;
  // Statements that went through a partition wait like those through the table.
  await session.query(
    `LOCK TABLE ${shapes.map(qualified).join(', ')} IN SHARE ROW EXCLUSIVE MODE`,
    `lock ${table.table}`,
  );
  await session.query(
    captureDdl({
      id,
      table: qualified(table),
      columns,
      shapes,
      segment: "'citus_migrate.segment'::regclass",
    }),
    `make the change log of ${table.table}`,
  );
  const capture = captureOf(id);
  for (const shape of shapes) {
    await session.query(
      sql('dualwrite/capture-relation', { relation: qualified(shape), capture }),
      `make the triggers of ${displayName(shape)}`,
    );
  }
}

/** Throws SHIM_DIFFERS when a table is captured otherwise than it would be now. */
function requireSame(row: CapturedRow, tracked: Tracked, shapes: readonly RelationShape[]): void {
  const wanted = tracked.columns.map(({ name }) => name);
  const complete = shapes.every((shape) => TRIGGERS.every((trigger) => shape.triggers[trigger] === 'A'));
  if (complete && wanted.every((name) => row.tracked.includes(name))) return;
  throw new MigrateError('SHIM_DIFFERS', {
    message: complete
      ? `${tracked.table.table} is captured by ${row.tracked.join(', ')}, and this plan needs ${wanted.join(', ')}`
      : `Triggers of the shim on ${tracked.table.table} are missing or were switched off`,
    context: { table: tracked.table.table },
  });
}

/**
 * Captures every change of `tables` from now on, and of those that place them: one short lock per table, all tables
 * or none. Tables that are captured already stay as they are. Throws SHIM_UNCAPTURABLE, SHIM_DIFFERS, SHIM_LOCK.
 */
export async function installShim(request: InstallRequest, context: Context): Promise<Installed> {
  const { source, plan, tables, limitBytes, policy } = request;
  const { tracked, uncapturable } = planCapture(plan, tables);
  const session = await source.connect();
  try {
    await lockShim(session);
    const names = tracked.map(({ table }) => qualified(table));
    const shapes = await readShapes(session, names);
    const refused = [
      ...uncapturable.map(({ table, reason }) => `${table}: ${reason}`),
      ...refuse(tracked, shapes),
    ];
    if (refused.length > 0) {
      throw new MigrateError('SHIM_UNCAPTURABLE', {
        message: `Changes of these tables cannot be captured: ${refused.join('; ')}`,
        context: { tables: refused },
      });
    }
    await session.transaction(() =>
      session
        .query(
          sql('dualwrite/create', {
            limit_bytes: limitBytes,
            policy,
            watch_body: sql('dualwrite/watch-body'),
          }),
          'make the shim',
        )
        .then(() => {}),
    );
    if (source.facts.superuser) {
      await session.query(
        sql('dualwrite/watch-ddl', { body: sql('dualwrite/ddl-body') }),
        'watch for changes of the schema',
      );
    }
    const known = new Map((await readCaptured(session)).map((row) => [row.table, row]));
    let nextId = Math.max(0, ...[...known.values()].map(({ id }) => id)) + 1;
    const installed: string[] = [];
    const already: string[] = [];
    const added: number[] = [];
    try {
      for (const each of tracked) {
        const name = qualified(each.table);
        const parts = shapes.filter((shape) => shape.root === name);
        const row = known.get(name);
        if (row !== undefined) {
          requireSame(row, each, parts);
          already.push(each.table.table);
          continue;
        }
        const id = nextId++;
        await withShortLock(session, each.table.table, context, () => installTable(session, id, each, parts));
        added.push(id);
        installed.push(each.table.table);
        await context.fail('shim: after one table');
      }
    } catch (error) {
      await undo(session, added, context);
      throw error;
    }
    // Whoever wrote to a table before its triggers had ended by then: this snapshot sees all that was not captured.
    await session.query(sql('dualwrite/activate'), 'finish the shim');
    return { installed, already };
  } finally {
    await session.close();
  }
}

async function undo(session: Session, added: readonly number[], context: Context): Promise<void> {
  for (const id of added) {
    await releaseTable(session, id, context).catch((error: Error) =>
      context.log.warn(
        `A part of the shim is left: ${error.message}. Take it away with \`migrate shim remove\`.`,
      ),
    );
  }
}
