-- How many connections the coordinator opens to its workers: per statement, and of all sessions together to each.
-- A role that may not read the setting of the latter, or what is in use of it, sees none.
SELECT current_setting('citus.max_adaptive_executor_pool_size')::int AS "poolSize",
       (SELECT s.setting::int FROM pg_settings s
        WHERE s.name = 'citus.max_shared_pool_size'
          AND has_function_privilege('citus_remote_connection_stats()', 'EXECUTE')) AS "sharedPool";
