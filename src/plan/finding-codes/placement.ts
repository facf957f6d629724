import { entry, type FindingEntry } from './entry.js';

/** Where the rows of a table go. */
export const PLACEMENT_FINDINGS = {
  DISTRIBUTION_NULL: entry(
    'blocker',
    '{table}: the distribution column {column} has no value in {rows}.',
    'Citus refuses them: every row needs a shard.',
    'Give them a value, or choose another placement for {table} in the configuration. To see them: {query}',
  ),
  KEY_UNHASHABLE: entry(
    'blocker',
    '{table} would be distributed by {column}, whose type {type} has no hash that is the same on every server.',
    'Rows could not be routed to shards.',
    'Name another column under tables.{table}.distributeBy, or set tables.{table}.placement.',
  ),
  KEY_COLLATION: entry(
    'blocker',
    'The distribution column {column} of {table} has a nondeterministic collation.',
    'Citus refuses such a column, because equal values may have different hashes.',
    'Distribute by another column, or give the column a deterministic collation on the source.',
  ),
  KEY_TYPE_MAPPED: entry(
    'blocker',
    'The distribution column {column} of {table} changes its type to {type}, whose hash is not known.',
    'The shard of a row could not be computed from the source.',
    'Map it to text, integer, bigint or uuid, or leave its type as it is.',
  ),
  COLUMN_NAME_TAKEN: entry(
    'blocker',
    '{table} would be given the distribution column {column}, but has a column of that name already.',
    'The two would be confused.',
    'Set tables.{table}.distributeBy or tables.{table}.placement in the configuration.',
  ),
  KEY_UPDATE: entry(
    'info',
    'Citus refuses UPDATE of a distribution column.',
    'A row that moves to another value has to be deleted and inserted again.',
    'Look for such statements in the application: {tables}.',
  ),
  DISTRIBUTED_BY_KEY: entry(
    'info',
    '{table} has no distribution column and no foreign key that leads to one; it is distributed by its own key {column}.',
    'Queries that do not name {column} ask every shard.',
    'To place it otherwise, set tables.{table} in the configuration.',
  ),
  LOOKUP_REFERENCE: entry(
    'info',
    '{table} has the column {column}, but is a small look-up table with a unique key of its own.',
    'It becomes a reference table, kept whole on every node.',
    'To distribute it all the same, set tables.{table}.placement to distributed.',
  ),
  VIA_AMBIGUOUS: entry(
    'info',
    '{table} reaches the distribution column through {chosen} and equally through {others}.',
    'The first is used.',
    'To use another, name it under tables.{table}.via.',
  ),
  COLOCATION_SPLIT: entry(
    'warning',
    'The distribution column {column} has different types: {groups}.',
    'Tables of different types are not colocated: joins between them move rows, foreign keys between them cannot exist.',
    'Map them to one type under types in the configuration, or change the columns on the source.',
  ),
  LOCAL_TABLE: entry(
    'warning',
    '{table} stays a local table on the coordinator: {reason}.',
    'It does not scale with the cluster, and distributed tables cannot refer to it.',
    'Set tables.{table}.distributeBy or tables.{table}.placement in the configuration.',
  ),
  REFERENCE_LARGE: entry(
    'warning',
    '{table} is large and kept whole on every node, because {reason}.',
    'Each write goes to all nodes and the table takes its size on each of them.',
    'Set tables.{table}.distributeBy in the configuration if that is too much.',
  ),
} as const satisfies Record<string, FindingEntry>;
