import { type ErrorEntry, entry } from './entry.js';

/** The load, and the capture of changes. */
export const LOAD_ERRORS = {
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
  WAY_BACK_CLOSED: entry(
    'capture',
    3,
    'A row that was changed on the cluster cannot go back to the single node: a value does not fit its type there, or what is unique there is not on the cluster.',
    'Change the row on the cluster, or widen the column on the single node and plan again; then repeat the command: nothing of the pass was kept, and nothing is lost.',
  ),
  COPIED_TOO_EARLY: entry(
    'capture',
    2,
    'Rows were copied before the shim was installed, or not at all.',
    'Copy these tables (again) while the shim is there: `migrate copy`, with --truncate for those that hold rows.',
  ),
} as const satisfies Record<string, ErrorEntry>;
