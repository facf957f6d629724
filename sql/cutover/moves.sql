-- Work under way that moves shards or makes them anew: background jobs, what Citus reports the progress of, and what
-- somebody is executing on the coordinator.
SELECT 'background job ' || j.job_id || ' (' || j.description || ')' AS move
FROM pg_dist_background_job j
WHERE j.state::text IN ('scheduled', 'running', 'failing', 'cancelling')
UNION
SELECT 'a move of shards of ' || r.table_name
FROM get_rebalance_progress() r
WHERE r.progress IN (0, 1)
UNION
SELECT 'process ' || a.pid || ': ' || substring(a.query FROM '(?i)(citus_(?:move|copy)_shard_placement|citus_split_shard\w*|citus_rebalance_\w+|rebalance_table_shards|citus_drain_node|isolate_tenant_to_\w+|alter_distributed_table|undistribute_table|create_distributed_table_concurrently)')
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.state = 'active' AND a.pid <> pg_backend_pid()
  AND a.query ~* '\m(citus_(move|copy)_shard_placement|citus_split_shard\w*|citus_rebalance_start|citus_rebalance_wait|rebalance_table_shards|citus_drain_node|isolate_tenant_to_\w+|alter_distributed_table|undistribute_table|create_distributed_table_concurrently)\s*\('
ORDER BY 1;
