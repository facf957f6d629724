import type { Severity } from '../core/plan-types.js';

export interface FindingEntry {
  readonly severity: Severity;
  /** What is there. */
  readonly what: string;
  /** What it means for the move. */
  readonly consequence: string;
  /** What the operator can do. */
  readonly remedy: string;
}

const entry = (severity: Severity, what: string, consequence: string, remedy: string): FindingEntry => ({
  severity,
  what,
  consequence,
  remedy,
});

/** Every finding of a plan. A code, once released, keeps its meaning; docs are generated from this. */
export const FINDINGS = {
  // The distribution column.
  DISTRIBUTION_NULL: entry(
    'blocker',
    '{rows} rows of {table} have no value in the distribution column {column}.',
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
    '{rows} rows of {table} refer through {object} to a row of {references} with another value of {column}.',
    'They would be in different shards, where no foreign key holds.',
    'Mend the rows, or set foreignKeys."{key}" to drop.',
  ),
  FK_MATCH_WEAKENED: entry(
    'info',
    'The foreign key {object} of {table} was MATCH FULL.',
    'With the distribution column in it, it becomes MATCH SIMPLE: rows with some of its columns NULL are accepted.',
    'Add a CHECK constraint that wants all or none of the columns.',
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

  // Objects that distributed tables cannot have.
  TRIGGER_DROPPED: entry(
    'warning',
    'The triggers of {table} are not created on the target: {triggers}.',
    'Citus has no triggers on {kind} tables; what they do stops.',
    'Move their work into the application, a generated column or a default.',
  ),
  POLICY_DROPPED: entry(
    'warning',
    'The policy {object} of {table} contains a sub-select, which Citus refuses.',
    'It is not created; the rows that it shows stay hidden from roles under row-level security.',
    'Rewrite it without a sub-select, for example with current_setting().',
  ),
  POLICY_RESTRICTIVE: entry(
    'blocker',
    'The restrictive policy {object} of {table} contains a sub-select, which Citus refuses.',
    'Without it, rows would become visible that are hidden today.',
    'Rewrite it without a sub-select on the source, for example with current_setting().',
  ),
  POLICY_SETTING: entry(
    'warning',
    'Policies of {table} read current_setting().',
    'Settings of a session do not reach the workers, so they hide every row there.',
    "Use SET LOCAL in a transaction with citus.propagate_set_commands = 'local'.",
  ),
  INHERITED: entry(
    'blocker',
    '{table} inherits from {parents}.',
    'Citus has no table inheritance.',
    'Turn it into a partitioned table or separate tables, or exclude it with --exclude.',
  ),
  PARTITION_MULTILEVEL: entry(
    'blocker',
    '{table} is partitioned on more than one level.',
    'Citus distributes one level of partitions only.',
    'Make it one level, or set tables.{table}.placement to local.',
  ),
  RULE_DROPPED: entry(
    'warning',
    'Rewrite rules are not created on the target: {names}.',
    'What they do stops.',
    'Replace them in the application.',
  ),
  INDEX_INVALID: entry(
    'warning',
    'The index {object} of {table} is invalid on the source.',
    'It is not created on the target.',
    'REINDEX or drop it on the source.',
  ),
  INDEX_DROPPED: entry(
    'warning',
    'The index {object} of {table} is on a column whose new type {type} cannot have it.',
    'It is not created on the target; queries that used it scan the shards.',
    'Create a fitting index afterwards, or map the type to one that supports it.',
  ),
  UNLOGGED: entry(
    'info',
    'Unlogged tables stay unlogged: {names}.',
    'A crash of a node empties its shards of them.',
    'ALTER TABLE … SET LOGGED on the source before the move to keep them.',
  ),
  OTHER_OBJECT: entry(
    'warning',
    'Not carried over: {names}.',
    'They are missing on the target.',
    'Create by hand what the application needs.',
  ),
  LARGE_OBJECTS: entry(
    'warning',
    'The database has {count}.',
    'Citus does not distribute them, and they are not carried over.',
    'Store them as bytea, or move them by hand.',
  ),
  NOTIFY: entry(
    'info',
    'Functions that send notifications: {names}.',
    'A notification sent on a worker does not reach listeners on the coordinator.',
    'Notify from the application, or make sure that they run on the coordinator.',
  ),
  MATERIALIZED_VIEW: entry(
    'info',
    'Materialized views stay on the coordinator: {names}.',
    'They are filled anew after the load and take their whole size there.',
    'Exclude large ones, or replace them by distributed roll-up tables.',
  ),
  VIEW_DROPPED: entry(
    'warning',
    'The view {object} cannot be created on the target: {reason}.',
    'Queries that read it fail.',
    'Change the view on the source so that this no longer holds, or create it by hand after the move.',
  ),
  VIEW_REGROUPED: entry(
    'info',
    'The view {object} groups by a primary key that now contains the distribution column.',
    'Its GROUP BY names that column too; the groups stay the same.',
    'Compare its definition on the target if in doubt.',
  ),

  // Types and extensions.
  EXTENSION_MISSING: entry(
    'blocker',
    'The target has no extension {object}, which {users} need.',
    'Their types, functions or indexes cannot be created.',
    'Install its packages on every node of the target, or map its types under types in the configuration.',
  ),
  EXTENSION_UNUSED: entry(
    'info',
    'Extensions that no table, view or function depends on are not created: {names}.',
    'They are missing on the target.',
    'Create by hand what the application calls.',
  ),
  EXTENSION_SCHEMA: entry(
    'blocker',
    'The extension {object} is in schema {schema} on the source and in {other} on the target.',
    'Its types have other names there.',
    'Move it on the target: ALTER EXTENSION {object} SET SCHEMA {schema}.',
  ),
  TYPE_UNSUPPORTED: entry(
    'blocker',
    'The column {object} of {table} uses the type {type}, which Citus does not take to its workers.',
    'The table cannot be distributed.',
    'Map it to another type under types in the configuration, or set tables.{table}.placement to local.',
  ),
  TYPE_MAPPED: entry(
    'info',
    'Types change: {types}.',
    'The values travel as text; the way back restores the original types.',
    'Remove the entry under types in the configuration to keep them.',
  ),
  DOMAIN_KEY: entry(
    'info',
    'The distribution column {column} of {table} has the domain type {type}.',
    'It is not colocated with columns of the plain type.',
    'Map it to its base type under types in the configuration to colocate it.',
  ),

  // The servers.
  ROLE_MISSING: entry(
    'warning',
    'The target lacks roles that own tables or hold privileges: {names}.',
    'Their ownership, grants and policies are left out.',
    'Create the roles on the target first; `migrate schema --phase after-data` adds what is missing.',
  ),
  CONNECTIONS: entry(
    'warning',
    'Loading with {jobs} streams opens up to {needed} connections to a node that allows {available}.',
    'The load could fail for want of connections.',
    'Lower --jobs, or raise max_connections on the nodes.',
  ),
  SKEW: entry(
    'warning',
    'The largest {column} of {table} holds {share} of its rows, {ratio} times the mean shard.',
    'Its shard, and the node that holds it, does that much more work.',
    'Give it a node of its own after the move (isolate_tenant_to_new_shard), or distribute by another column.',
  ),
  TARGET_NOT_CHECKED: entry(
    'info',
    'The plan was made without a target.',
    'Extensions, roles and connections of the target were not looked at.',
    'Run `migrate plan` with --target before the move.',
  ),
} as const satisfies Record<string, FindingEntry>;

export type FindingCode = keyof typeof FINDINGS;
