import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';
import type { Connector } from './connector.js';

/**
 * Names that PostgreSQL gives this run's backends, as a regular expression on application_name: its own sessions, and
 * on other nodes of a cluster the connections that Citus opens for them.
 */
export async function ownBackends(session: Session, { kind, options }: Connector): Promise<string> {
  const application = `migrate ${options.runId}`;
  const own = `^${application.replace(/[^\w ]/g, '\\$&')}$`;
  if (kind === 'single') return own;
  const { gpids } = await session.one<{ gpids: string }>(
    sql('citus/backends', { application }),
    'look for own backends',
  );
  return gpids === '' ? own : `${own}|^citus_.* gpid=(${gpids})$`;
}

export interface OnNode<T> {
  /** `host:port` as the cluster says. */
  readonly node: string;
  readonly value: T;
}

/**
 * Runs a statement that selects one row with one column of JSON text, on the single node, or on the coordinator and
 * by way of it on all workers. Throws when it cannot be run somewhere.
 */
export async function onEachNode<T>(
  session: Session,
  connector: Connector,
  statement: string,
  doing: string,
): Promise<OnNode<T>[]> {
  const parse = (text: string): T => JSON.parse(text) as T;
  const own = await session.one<Record<string, string>>(statement, doing);
  const head = { node: connector.head.name, value: parse(Object.values(own)[0]!) };
  if (connector.kind === 'single') return [head];
  const rows = await session.query<{ node: string; success: boolean; result: string }>(
    sql('citus/on-workers', { statement }),
    doing,
  );
  return [
    head,
    ...rows.map(({ node, success, result }) => {
      if (success) return { node, value: parse(result) };
      throw new MigrateError('SERVER_ERROR', {
        message: `Could not ${doing} on ${node}: ${result.replace(/\s+/g, ' ')}`,
        context: { node },
      });
    }),
  ];
}
