-- Lower bounds of the hash shards of tables that exist on the target already.
SELECT n.nspname AS schema, c.relname AS name,
       json_agg(s.shardminvalue::int ORDER BY s.shardminvalue::int) AS bounds
FROM pg_dist_shard s
JOIN pg_class c ON c.oid = s.logicalrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE s.shardminvalue IS NOT NULL
GROUP BY 1, 2
