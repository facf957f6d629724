import { entry, type FindingEntry } from './entry.js';

/** Keys, references and ids. */
export const KEY_FINDINGS = {
  // Keys.
  UNIQUE_WIDENED: entry(
    'warning',
    'Unique keys of {table} now contain {column}: {constraints}.',
    'The cluster no longer refuses the same key beside another distribution value; ON CONFLICT must name the wider key, and WHERE without the distribution column asks every shard.',
    'Add {column} to ON CONFLICT and WHERE clauses of the application; `migrate verify` checks the old uniqueness.',
  ),
  EXCLUDE_DROPPED: entry(
    'warning',
    'The exclusion constraint {object} of {table} cannot be given the distribution column.',
    'It is not created on the target; overlapping rows would be accepted there.',
    'Install btree_gist on the source, so that {column} can be part of it, or enforce it in the application.',
  ),
  NO_KEY: entry(
    'warning',
    '{table} has no primary key and no unique key without NULLs.',
    'Rows are compared by count and digest only; changes made meanwhile cannot be applied row by row.',
    'Add a primary key on the source.',
  ),

  // Foreign keys.
  FK_REFUSED: entry(
    'warning',
    'The foreign key {object} of {table} cannot exist on the target: {reason}.',
    'It is dropped; the cluster no longer refuses orphans.',
    '{remedy}',
  ),
  FK_SET_NULL: entry(
    'warning',
    'The foreign key {object} of {table} has {action}, which Citus refuses where the distribution column is part of the key.',
    'It is dropped; deleting a parent leaves orphans.',
    'Set foreignKeys."{key}" to keep, which keeps it with NO ACTION, or clear the references in the application.',
  ),
  FK_ACTION_WEAKENED: entry(
    'warning',
    'The foreign key {object} of {table} loses {action}: Citus refuses that where the distribution column is part of the key.',
    'It is kept with NO ACTION, so such a statement fails instead.',
    'Change the referencing rows in the application first, or set foreignKeys."{key}" to drop.',
  ),
  FK_DROPPED: entry(
    'info',
    'The foreign key {object} of {table} is dropped, as the configuration says.',
    'The cluster does not refuse orphans of it.',
    'Remove foreignKeys."{key}" to have it again.',
  ),
  FK_CROSSES_KEY: entry(
    'blocker',
    '{table}: the foreign key {object} leads from {rows} to rows of {references} with another value of {column}.',
    'They would be in different shards, where no foreign key holds.',
    'Mend the rows, or set foreignKeys."{key}" to drop.',
  ),
  FK_MATCH_WEAKENED: entry(
    'info',
    'The foreign key {object} of {table} was MATCH FULL.',
    'With the distribution column in it, it becomes MATCH SIMPLE: rows with some of its columns NULL are accepted.',
    'Add a CHECK constraint that wants all or none of the columns.',
  ),

  FK_REPLICATED: entry(
    'blocker',
    'The target keeps {factor} copies of every shard (citus.shard_replication_factor), and distributed tables have foreign keys: {names}.',
    'Citus refuses foreign keys of distributed tables that it keeps copies of, whatever table they lead to.',
    'Set it to 1 on the target (ALTER DATABASE … SET citus.shard_replication_factor = 1) and use streaming replication for spare copies, or set {keys} to drop under foreignKeys; then plan again.',
  ),

  // Sequences.
  SERIAL_INT: entry(
    'warning',
    'The ids of {table} ({columns}) come from an integer sequence.',
    'Through the coordinator nothing changes; an INSERT without an id on a worker fails.',
    'Insert through the coordinator, or set widenSerial: true in the configuration to make them bigint.',
  ),
  SERIAL_WIDENED: entry(
    'info',
    'Integer ids become bigint: {columns}.',
    'Ids made on worker g start at g·2^48: they are no longer exact in a JavaScript number from node 32 on, and do not fit an integer column on the way back.',
    'Read them as text or BigInt; set widenSerial: false to keep integer.',
  ),
} as const satisfies Record<string, FindingEntry>;
