-- Shards of the named tables on one node that hold rows no other node has: replicas of reference tables do not count.
SELECT count(*)::int AS shards
FROM unnest(ARRAY[:tables]::text[]) AS r (name)
JOIN LATERAL (SELECT to_regclass(r.name) AS relid UNION SELECT t.relid FROM pg_partition_tree(to_regclass(r.name)) t) k ON true
JOIN pg_dist_partition d ON d.logicalrelid = k.relid AND d.repmodel <> 't'
JOIN pg_dist_shard s ON s.logicalrelid = k.relid
JOIN pg_dist_placement p ON p.shardid = s.shardid
WHERE p.groupid = :group;
