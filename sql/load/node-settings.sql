-- What a node allows: settings in bytes, and connections that nobody uses now.
SELECT json_build_object(
  'maintenanceBytes', (SELECT s.setting::bigint * 1024 FROM pg_settings s WHERE s.name = 'maintenance_work_mem'),
  'sharedBuffers', (SELECT s.setting::bigint * 8192 FROM pg_settings s WHERE s.name = 'shared_buffers'),
  'freeConnections', greatest(0, current_setting('max_connections')::int
                                 - current_setting('superuser_reserved_connections')::int
                                 - (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'client backend'))
) AS result;
