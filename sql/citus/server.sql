-- What kind of server answers: versions, encoding, role in a cluster.
SELECT current_setting('server_version_num')::int AS "versionNumber",
       current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       current_database() AS database,
       (SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()) AS "databaseOid",
       (SELECT s.system_identifier::text FROM pg_control_system() s) AS "systemIdentifier",
       pg_postmaster_start_time()::text AS "startedAt",
       (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'citus') AS citus,
       current_setting('shared_preload_libraries') ~ '\mcitus\M' AS "citusPreloaded",
       current_setting('max_connections')::int AS "maxConnections",
       pg_is_in_recovery() AS standby,
       (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) AS superuser;
