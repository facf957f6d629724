-- A table of the application whose shards lie on most nodes, among those (:tables) that are distributed by a column of
-- a type of which values are easily made. None: there is no such table.
SELECT d.logicalrelid::oid AS oid, format('%I.%I', n.nspname, c.relname) AS "table", a.attname AS "column",
       format_type(a.atttypid, NULL) AS base
FROM unnest(ARRAY[:tables]::text[]) AS r (name)
JOIN pg_dist_partition d ON d.logicalrelid = to_regclass(r.name) AND d.partmethod = 'h'
JOIN pg_class c ON c.oid = d.logicalrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = column_to_column_name(d.logicalrelid, d.partkey)
WHERE format_type(a.atttypid, NULL) IN (:types)
ORDER BY (SELECT count(DISTINCT p.groupid) FROM pg_dist_shard s JOIN pg_dist_placement p ON p.shardid = s.shardid
          WHERE s.logicalrelid = d.logicalrelid) DESC, 2
LIMIT 1;
