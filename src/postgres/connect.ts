import pg from 'pg';
import { MigrateError } from '../core/errors.js';
import { type Conninfo, describe, tlsAttempts, toClientConfig } from './conninfo.js';
import { Session } from './session.js';
import { sql } from './sql-files.js';
import { toMigrateError } from './sqlstate.js';

export interface ConnectOptions {
  /** Shown in messages: `source`, `target`, or a node's name. */
  server: string;
  /** `application_name`: names the run. */
  applicationName: string;
  /** Every transaction is read-only unless it says otherwise. */
  readOnly?: boolean;
  signal?: AbortSignal;
}

/** A connection is refused that went through a pooler: the backend is then not the one that greeted us. */
async function refusePooler(session: Session): Promise<void> {
  const { pid } = await session.one<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  if (pid === session.pid) return;
  await session.close();
  throw new MigrateError('POOLED_CONNECTION', {
    message: `${session.server} answers through a connection pooler such as PgBouncer`,
  });
}

async function attempt(config: pg.ClientConfig, options: ConnectOptions): Promise<Session> {
  const client = new pg.Client({ ...config, application_name: options.applicationName, keepAlive: true });
  // An error event while no query runs would end the process; the next statement reports the lost connection.
  client.on('error', () => {});
  await client.connect();
  const session = new Session(client, options.server, { host: config.host!, port: config.port! });
  await session.query(sql('postgres/session', { read_only: options.readOnly ? 'on' : 'off' }));
  await refusePooler(session);
  return session;
}

/** A server that does not speak TLS says so in one byte; libpq then goes on in plain text under `prefer`. */
function refusesTls(error: unknown): boolean {
  return error instanceof Error && /does not support SSL/.test(error.message);
}

/**
 * Connects to the first host that answers, with libpq's meaning of every option, and pins the session's settings
 * (sql/postgres/session.sql). Throws CONNECTION_REFUSED, AUTHENTICATION_FAILED, TLS_FAILED, POOLED_CONNECTION, ….
 */
export async function connect(conninfo: Conninfo, options: ConnectOptions): Promise<Session> {
  let failure: unknown;
  for (const host of conninfo.hosts) {
    for (const tls of tlsAttempts(conninfo, host)) {
      options.signal?.throwIfAborted();
      try {
        return await attempt(toClientConfig(conninfo, host, tls), options);
      } catch (error) {
        failure = error;
        if (tls === 'tls' && refusesTls(error)) continue;
        if (error instanceof MigrateError) throw error;
      }
    }
  }
  throw toMigrateError(failure, { server: options.server, doing: `connect as ${describe(conninfo)}` });
}
