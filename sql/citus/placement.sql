-- Every shard placement of the tables that Citus knows. Ranges are null where a table has one shard.
SELECT ns.nspname AS schema, c.relname AS name, p.partmethod AS method, p.repmodel = 't' AS copies,
       s.shardid::text AS "shardId",
       (SELECT part[array_upper(part, 1)] FROM parse_ident(shard_name(p.logicalrelid, s.shardid)) part) AS "shardName",
       s.shardminvalue::int AS min, s.shardmaxvalue::int AS max,
       pl.groupid AS "groupId",
       CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END AS "column"
FROM pg_dist_partition p
JOIN pg_class c ON c.oid = p.logicalrelid
JOIN pg_namespace ns ON ns.oid = c.relnamespace
JOIN pg_dist_shard s ON s.logicalrelid = p.logicalrelid
JOIN pg_dist_placement pl ON pl.shardid = s.shardid
ORDER BY 1, 2, s.shardminvalue::int, s.shardid, pl.groupid;
