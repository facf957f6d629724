import { entry, type FindingEntry } from './entry.js';

/** What hangs on tables and stands beside them. */
export const OBJECT_FINDINGS = {
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
  REPLICA_IDENTITY: entry(
    'info',
    'The replica identity of {table} is not set on the target.',
    'Its primary key serves there: NOTHING would keep shards from moving without blocking writes, and an index serves only without columns that may be NULL.',
    'ALTER TABLE … REPLICA IDENTITY on the target where a subscriber needs another.',
  ),
  STORAGE_LOST: entry(
    'info',
    'Storage settings of {table} do not reach its shards: {names}.',
    'Citus takes neither TOAST options nor the column settings of a partition to the workers.',
    'Set them on the shards with run_command_on_shards where they matter.',
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
  TYPE_LOSSY: entry(
    'warning',
    'Columns of {table} get types that do not hold every value of theirs: {columns}.',
    'The configuration names these columns, so they are converted; rows whose value does not survive are mismatched to `migrate verify`.',
    'Choose types that hold everything under tables.{table}.types, or look at the values on the source first.',
  ),
  TYPE_RULE_LOSSY: entry(
    'blocker',
    'A rule of types: gives columns of {table} types that do not hold every value of theirs: {columns}.',
    'Values would be changed on the way to the target.',
    'Choose types that hold everything; or name these columns under tables.{table}.types, which asks for the conversion.',
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
  WAY_BACK_PARTIAL: entry(
    'info',
    'What needs tables outside the plan is not made on an empty single node on the way back: {names}.',
    'A single node that still has them keeps them.',
    'Plan the other tables too, or create these by hand after the way back.',
  ),
  FUNCTION_DROPPED: entry(
    'warning',
    'Functions over tables or views that the target does not have are not created: {names}.',
    'Whatever calls them fails.',
    'Choose those tables too, or create the functions by hand after the move.',
  ),
  VIEW_REGROUPED: entry(
    'info',
    'The view {object} groups by a primary key that now contains the distribution column.',
    'Its GROUP BY names that column too; the groups stay the same.',
    'Compare its definition on the target if in doubt.',
  ),
} as const satisfies Record<string, FindingEntry>;
