-- What this node still lets the role connect, as JSON text: it runs on workers, too, through run_command_on_workers.
-- Backends of this run are not counted (:mine matches their application_name). A role that may not look into others'
-- backends sees no type of theirs: those count as clients. Walsenders have slots of their own.
SELECT json_build_object(
  'maxConnections', current_setting('max_connections')::int,
  'forSuperusers', current_setting('superuser_reserved_connections')::int,
  'reserved', coalesce(current_setting('reserved_connections', true)::int, 0),
  'used', count(*),
  'otherRuns', count(*) FILTER (WHERE a.application_name LIKE 'migrate %'),
  'roleLimit', (SELECT r.rolconnlimit FROM pg_roles r WHERE r.rolname = current_user AND NOT r.rolsuper),
  'roleUsed', count(*) FILTER (WHERE a.usename = current_user),
  'databaseLimit', (SELECT d.datconnlimit FROM pg_database d, pg_roles r
                    WHERE d.datname = current_database() AND r.rolname = current_user AND NOT r.rolsuper),
  'databaseUsed', count(*) FILTER (WHERE a.datname = current_database()),
  'clientLimit', (SELECT s.setting::int FROM pg_settings s, pg_roles r
                  WHERE s.name = 'citus.max_client_connections' AND r.rolname = current_user AND NOT r.rolsuper),
  'clientUsed', count(*) FILTER (WHERE a.application_name NOT LIKE 'citus\_%')
)::text AS room
FROM pg_stat_activity a
WHERE a.datid IS NOT NULL AND coalesce(a.backend_type, 'client backend') = 'client backend'
  AND a.application_name !~ :'mine';
