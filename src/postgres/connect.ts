import pg from 'pg';
import { MigrateError } from '../core/errors.js';
import { type Conninfo, describe, tlsAttempts, toClientConfig } from './conninfo.js';
import { Session } from './session.js';
import { sql } from './sql-files.js';
import { sqlState, toMigrateError } from './sqlstate.js';

export interface ConnectOptions {
  /** Shown in messages: `source`, `target`, or a node's name. */
  server: string;
  /** `application_name`: names the run. */
  applicationName: string;
  /** Every transaction is read-only unless it says otherwise. */
  readOnly?: boolean;
  /** The connection is dropped when the server owes an answer and no byte moves for this long; absent: never. */
  stallMs?: number;
  signal?: AbortSignal;
}

/** A connection is refused that went through a pooler: the backend is then not the one that greeted us. */
async function refusePooler(session: Session): Promise<void> {
  const { pid } = await session.one<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  if (pid === session.pid) return;
  throw new MigrateError('POOLED_CONNECTION', {
    message: `${session.server} answers through a connection pooler such as PgBouncer`,
  });
}

async function attempt(config: pg.ClientConfig, options: ConnectOptions): Promise<Session> {
  const { stallMs } = options;
  const client = new pg.Client({
    ...config,
    application_name: options.applicationName,
    keepAlive: true,
    connectionTimeoutMillis: config.connectionTimeoutMillis || (stallMs ?? 0),
  });
  // An error event while no query runs would end the process; the next statement reports the lost connection.
  client.on('error', () => {});
  // A server that does not answer could keep a stopped command waiting for minutes.
  const giveUp = (): void => void client.connection.stream.destroy();
  options.signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await client.connect();
  } finally {
    options.signal?.removeEventListener('abort', giveUp);
  }
  const session = new Session(client, options.server, { host: config.host!, port: config.port! }, stallMs);
  try {
    // Before anything is set: behind a pooler the settings would stay on a connection that others get next.
    await refusePooler(session);
    await session.query(sql('postgres/session', { read_only: options.readOnly ? 'on' : 'off' }));
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What kept the last host from answering, in the words of someone who is just connecting. */
function notConnected(failure: unknown, conninfo: Conninfo, server: string): MigrateError {
  const doing = `connect as ${describe(conninfo)}`;
  const error = toMigrateError(failure, { server, doing });
  const rest = { context: error.context, cause: failure };
  const answered = sqlState(failure) !== undefined;
  if (error.code === 'CONNECTION_LOST') {
    return new MigrateError('CONNECTION_REFUSED', {
      message: answered
        ? error.message
        : `Could not ${doing} on ${server}: the connection was closed before PostgreSQL answered`,
      hint: 'Check that host and port are those of a PostgreSQL server, and that it runs; then repeat the command.',
      ...rest,
    });
  }
  const password = conninfo.password ?? conninfo.hosts.find((host) => host.password !== undefined);
  if (error.code === 'AUTHENTICATION_FAILED' && password === undefined && !answered) {
    return new MigrateError('AUTHENTICATION_FAILED', {
      message: `Could not ${doing} on ${server}: the server asks for a password, and none was given`,
      hint: 'Set PGPASSWORD, or put the password into ~/.pgpass (mode 0600).',
      ...rest,
    });
  }
  return error;
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
  throw notConnected(failure, conninfo, options.server);
}
