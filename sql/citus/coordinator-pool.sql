-- How many connections the coordinator opens to its workers: per statement, and of all sessions together to each.
-- A role that may not read the setting of the latter sees none.
SELECT current_setting('citus.max_adaptive_executor_pool_size')::int AS "poolSize",
       (SELECT s.setting::int FROM pg_settings s WHERE s.name = 'citus.max_shared_pool_size') AS "sharedPool",
       coalesce((SELECT json_object_agg(c.hostname || ':' || c.port, c.connection_count_to_node)
                 FROM citus_remote_connection_stats() c WHERE c.database_name = current_database()), '{}') AS "inUse";
