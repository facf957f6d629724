-- How many connections to each worker the coordinator has open for this database. Not a part of coordinator-pool.sql:
-- the right to call a function is asked for even where it is not called.
SELECT c.hostname || ':' || c.port AS node, c.connection_count_to_node::int AS "inUse"
FROM citus_remote_connection_stats() c
WHERE c.database_name = current_database();
