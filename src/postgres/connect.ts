import pg from 'pg';
import { MigrateError } from '../core/errors.js';
import { type Conninfo, type ConninfoHost, describe, tlsAttempts, toClientConfig } from './conninfo.js';
import { passesOf, type ServerRole, type SessionAttrs, triesNextHost, unmet } from './hosts.js';
import { ReadSocket } from './read-socket.js';
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

/** The server is there, but not the one that is asked for. */
class Unwanted extends Error {}

async function attempt(
  config: pg.ClientConfig,
  options: ConnectOptions,
  attrs: SessionAttrs,
): Promise<Session> {
  const { stallMs } = options;
  const client = new pg.Client({
    ...config,
    ...(config.ssl === false ? { stream: () => new ReadSocket() } : {}),
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
    if (attrs !== 'any') {
      const why = unmet(attrs, await session.one<ServerRole>(sql('postgres/server-role')));
      if (why !== undefined) throw new Unwanted(why);
    }
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

const nameOf = ({ host, port }: ConninfoHost): string => `${host}:${port}`;

/** Throws SERVER_NOT_WANTED where servers answered, but none is the one that is asked for. */
function refuseUnwanted(conninfo: Conninfo, tried: ReadonlyMap<string, unknown>, server: string): void {
  if (![...tried.values()].some((failure) => failure instanceof Unwanted)) return;
  const hosts = [...tried].map(
    ([host, failure]) => `${host} ${failure instanceof Unwanted ? failure.message : 'does not answer'}`,
  );
  throw new MigrateError('SERVER_NOT_WANTED', {
    message: `No ${server} for target_session_attrs=${conninfo.targetSessionAttrs}: ${hosts.join('; ')}`,
    context: { server },
  });
}

/** In every way that sslmode allows. Throws what the last of them ended with. */
async function connectTo(
  host: ConninfoHost,
  conninfo: Conninfo,
  options: ConnectOptions,
  attrs: SessionAttrs,
): Promise<Session> {
  let failure: unknown;
  for (const tls of tlsAttempts(conninfo, host)) {
    options.signal?.throwIfAborted();
    try {
      return await attempt(toClientConfig(conninfo, host, tls), options, attrs);
    } catch (error) {
      failure = error;
      if (error instanceof MigrateError || error instanceof Unwanted || triesNextHost(error)) throw error;
    }
  }
  throw failure;
}

/**
 * Connects to the first host that answers and is what target_session_attrs asks for, with libpq's meaning of every
 * option, and pins the session's settings (sql/postgres/session.sql). Throws CONNECTION_REFUSED, SERVER_NOT_WANTED,
 * AUTHENTICATION_FAILED, TLS_FAILED, POOLED_CONNECTION, ….
 */
export async function connect(conninfo: Conninfo, options: ConnectOptions): Promise<Session> {
  const tried = new Map<string, unknown>();
  let last: unknown;
  for (const attrs of passesOf(conninfo.targetSessionAttrs)) {
    for (const host of conninfo.hosts) {
      try {
        return await connectTo(host, conninfo, options, attrs);
      } catch (error) {
        if (error instanceof MigrateError || error === options.signal?.reason) throw error;
        if (!(error instanceof Unwanted) && !triesNextHost(error))
          throw notConnected(error, conninfo, options.server);
        tried.set(nameOf(host), error);
        last = error;
      }
    }
  }
  refuseUnwanted(conninfo, tried, options.server);
  throw notConnected(last, conninfo, options.server);
}
