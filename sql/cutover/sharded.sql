-- Tables of Citus whose rows lie in shards of their own relation (partitioned ones hold theirs in their partitions').
SELECT n.nspname AS schema, c.relname AS name
FROM pg_dist_partition p
JOIN pg_class c ON c.oid = p.logicalrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 2;
