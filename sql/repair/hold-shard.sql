-- Keeps a shard where it is until the transaction ends; whether it still is on this node.
SELECT lock_shard_metadata(5, ARRAY[:shard]::bigint[]);
SELECT count(*) = 1 AS here FROM pg_dist_placement
WHERE shardid = :shard AND groupid = (SELECT groupid FROM pg_dist_local_group);
