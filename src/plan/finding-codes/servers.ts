import { entry, type FindingEntry } from './entry.js';

/** Types, extensions, and what the servers have and allow. */
export const SERVER_FINDINGS = {
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
    'The target lacks roles that own objects or hold privileges: {names}.',
    'Their ownership, grants and policies are left out.',
    'Create the roles on the target first; `migrate schema --phase after-data` adds what is missing.',
  ),
  OWNER_KEPT: entry(
    'warning',
    'The login on the target is no member of roles that own objects on the source: {names}.',
    'Their objects stay with the login: these roles lack the rights of an owner, and functions and views run with those of the login.',
    'GRANT the roles to the login, or connect as a superuser; `migrate schema --phase after-data` hands the objects over.',
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
