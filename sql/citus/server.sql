-- What kind of server answers: versions, encoding, role in a cluster.
SELECT current_setting('server_version_num')::int AS "versionNumber",
       current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       current_database() AS database,
       (SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()) AS "databaseOid",
       (SELECT s.system_identifier::text FROM pg_control_system() s) AS "systemIdentifier",
       pg_postmaster_start_time()::text AS "startedAt",
       (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'citus') AS citus,
       -- Not every role may see shared_preload_libraries; the settings that the library brings are seen by all.
       EXISTS (SELECT FROM pg_settings WHERE name = 'citus.shard_count') AS "citusPreloaded",
       current_setting('max_connections')::int AS "maxConnections",
       pg_is_in_recovery() AS standby,
       (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) AS superuser;
