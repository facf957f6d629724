import { MigrateError } from '../core/errors.js';
import type { Session } from '../postgres/session.js';
import { sql } from '../postgres/sql-files.js';

/** Oldest supported server: TID range scans came with PostgreSQL 14. */
const MIN_POSTGRES = 140000;
/** Oldest supported Citus: metadata on every node and schema propagation are settled there. */
const MIN_CITUS = 12;

export interface ServerFacts {
  readonly versionNumber: number;
  readonly version: string;
  readonly encoding: string;
  readonly database: string;
  readonly databaseOid: string;
  /** Copies of one data directory share it. */
  readonly systemIdentifier: string;
  /** When the server was started, to the microsecond. */
  readonly startedAt: string;
  /** Version of the Citus extension in this database, or null. */
  readonly citus: string | null;
  readonly citusPreloaded: boolean;
  readonly maxConnections: number;
  readonly standby: boolean;
  readonly superuser: boolean;
}

/** Reads what kind of server answers and refuses one that cannot be used. */
export async function inspectServer(session: Session): Promise<ServerFacts> {
  const facts = await session.one<ServerFacts>(sql('citus/server'), 'read the server version');
  const at = { server: session.server };
  if (facts.versionNumber < MIN_POSTGRES) {
    throw new MigrateError('VERSION_UNSUPPORTED', {
      message: `${session.server} is PostgreSQL ${facts.version}; 14 or newer is needed`,
      context: at,
    });
  }
  if (facts.citus !== null && Number.parseInt(facts.citus, 10) < MIN_CITUS) {
    throw new MigrateError('VERSION_UNSUPPORTED', {
      message: `${session.server} has Citus ${facts.citus}; 12 or newer is needed`,
      context: at,
    });
  }
  if (facts.encoding !== 'UTF8') {
    throw new MigrateError('ENCODING_UNSUPPORTED', {
      message: `${session.server} stores text as ${facts.encoding}, not UTF8`,
      context: at,
    });
  }
  return facts;
}
