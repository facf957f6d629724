-- The commit of this transaction, which writes, is answered when everything before it in the log is on disk.
SELECT set_config('synchronous_commit', 'on', false), pg_logical_emit_message(true, 'citus_migrate', '');
