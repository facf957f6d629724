-- The fence against shard moves: while this transaction lasts, no shard of the list is moved or split (the lock is
-- the one that Citus's own COPY takes), and those that already were are missing from the count.
SELECT lock_shard_metadata(5, array_agg(s.shardid))
FROM pg_dist_shard s
WHERE s.shardid = ANY (ARRAY[:shards]::bigint[]);
SELECT count(*)::int AS placements
FROM pg_dist_placement p
WHERE p.shardid = ANY (ARRAY[:shards]::bigint[])
  AND p.groupid = (SELECT g.groupid FROM pg_dist_local_group g);
