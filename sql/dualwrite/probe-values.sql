-- Two places for each node that has shards of the probe, so that a row of each comes to lie there.
WITH shards AS (
  SELECT array_agg(s.shardminvalue::int ORDER BY s.shardminvalue::int) AS mins,
         array_agg(s.shardid ORDER BY s.shardminvalue::int) AS ids
  FROM pg_dist_shard s WHERE s.logicalrelid = 'citus_migrate.probe'::regclass
), tried AS (
  SELECT n, v.place, ids[width_bucket(:hash(v.place), mins)] AS shardid
  FROM shards, generate_series(1, 20 * cardinality(ids)) AS n, LATERAL (SELECT CAST((:value)::text AS :type) AS place) AS v
)
SELECT p.groupid AS "group", (array_agg(t.place::text ORDER BY t.n))[1] AS one, (array_agg(t.place::text ORDER BY t.n))[2] AS other
FROM tried t
JOIN pg_dist_placement p ON p.shardid = t.shardid
GROUP BY p.groupid
ORDER BY p.groupid;
