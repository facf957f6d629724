-- Shards as tables of this node.
SELECT n.nspname AS schema, c.relname AS name
FROM pg_dist_shard s
JOIN pg_class t ON t.oid = s.logicalrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class c ON c.relnamespace = n.oid
  AND c.relname = (SELECT part[array_upper(part, 1)] FROM parse_ident(shard_name(s.logicalrelid, s.shardid)) part);
