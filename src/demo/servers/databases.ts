import { quoteIdent } from '../../core/names.js';
import type { Session } from '../../postgres/session.js';
import { openSession } from './open-session.js';

/** What is needed of a server to make databases on it; also of one that was not started here. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  url(database?: string): string;
}

/** A database on one server, with the vector types that are installed there. Returns its URL. */
export async function createDatabase(
  server: ServerAddress,
  name: string,
  signal?: AbortSignal,
): Promise<string> {
  await onServer(server, `CREATE DATABASE ${quoteIdent(name)}`, signal);
  await withSession(server.url(name), createVectorExtensions, signal);
  return server.url(name);
}

/** Ends the database's sessions and removes it. */
export async function dropDatabase(server: ServerAddress, name: string): Promise<void> {
  await onServer(server, `DROP DATABASE IF EXISTS ${quoteIdent(name)} WITH (FORCE)`);
}

/** Makes those vector types available in the session's database that its server has: pgvector's, ruvector's. */
export async function createVectorExtensions(session: Session): Promise<void> {
  const available = await session.query<{ name: string }>(
    `SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'ruvector') ORDER BY name`,
  );
  // The session's search_path is pinned to pg_catalog, where no user's type belongs.
  for (const { name } of available)
    await session.query(`CREATE EXTENSION IF NOT EXISTS ${name} SCHEMA public`);
}

/** One statement in the server's own database. */
export async function onServer(
  server: ServerAddress,
  statement: string,
  signal?: AbortSignal,
): Promise<void> {
  await withSession(server.url(), (session) => session.query(statement), signal);
}

/** Runs `work` with a session of its own. */
export async function withSession<T>(
  url: string,
  work: (session: Session) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const session = await openSession(url, signal);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
