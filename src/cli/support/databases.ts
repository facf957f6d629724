import { Database } from '../../citus/database.js';
import { MigrateError } from '../../core/errors.js';
import { type Conninfo, resolveConninfo } from '../../postgres/conninfo.js';
import type { Invocation } from '../frame/command.js';
import { sourceUrl, targetUrl } from '../frame/endpoints.js';

export type Access = 'read' | 'write';

export interface Sides {
  readonly source: Database;
  readonly target: Database;
}

export type Needs = Partial<Record<keyof Sides, Access>>;
type Opened<N extends Needs> = { [K in keyof N & keyof Sides]: Database };

function conninfoOf(invocation: Invocation, side: keyof Sides): Conninfo {
  const { config, env, context } = invocation;
  // PG* variables fill in what a URL leaves out; a target that is not named is never taken from them.
  const url = side === 'source' ? sourceUrl(config, env) : targetUrl(config);
  const conninfo = resolveConninfo(url?.reveal(), env);
  for (const warning of conninfo.warnings) context.log.warn(warning);
  return conninfo;
}

/**
 * The same database on both sides would be read and emptied at once. Servers that were copied from one data
 * directory share identifiers, but not the time of their start; a standby has its primary's rows whatever it says.
 */
function refuseSame(sides: Partial<Sides>): void {
  const [a, b] = [sides.source?.facts, sides.target?.facts];
  if (a === undefined || b === undefined) return;
  const alike = a.systemIdentifier === b.systemIdentifier && a.databaseOid === b.databaseOid;
  if (alike && (a.startedAt === b.startedAt || a.standby !== b.standby)) {
    throw new MigrateError('SAME_DATABASE', {
      message: `Source and target are the same database (${a.database})`,
      context: { database: a.database },
    });
  }
}

/** Opens the sides that a command needs, runs it, and closes them. A side that is only read cannot be written to. */
export async function withDatabases<N extends Needs, T>(
  invocation: Invocation,
  needs: N,
  work: (sides: Opened<N>) => Promise<T>,
): Promise<T> {
  const { config, context, runId } = invocation;
  const opened: { source?: Database; target?: Database } = {};
  // All are resolved first: a missing URL is told before anything is connected.
  const wanted = (['source', 'target'] as const)
    .filter((side) => needs[side] !== undefined)
    .map((side) => ({ side, conninfo: conninfoOf(invocation, side) }));
  try {
    for (const { side, conninfo } of wanted) {
      opened[side] = await Database.open(conninfo, {
        side,
        runId,
        readOnly: needs[side] === 'read',
        nodeAddresses: config.nodeAddresses,
        signal: context.signal,
      });
    }
    refuseSame(opened);
    return await work(opened as Opened<N>);
  } finally {
    await Promise.all([opened.source?.close(), opened.target?.close()]);
  }
}
