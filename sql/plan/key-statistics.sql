-- One pass over a table: rows per value of the distribution column, gathered per shard by the shards' own hash.
-- :from, :key: see KeySource. :hash: the hash function. :bounds: sorted lower bounds of the shards, an int[].
WITH per_key AS MATERIALIZED (
  SELECT :key AS key, count(*) AS rows FROM :from GROUP BY 1
), top AS (
  SELECT key::text AS key, rows FROM per_key WHERE key IS NOT NULL ORDER BY rows DESC, key::text COLLATE "C" LIMIT 5
), shard AS (
  SELECT width_bucket(:hash(key), :bounds) AS bucket, sum(rows) AS rows FROM per_key WHERE key IS NOT NULL GROUP BY 1
)
SELECT coalesce(sum(rows), 0)::text AS rows,
       coalesce(sum(rows) FILTER (WHERE key IS NULL), 0)::text AS nulls,
       count(key)::text AS keys,
       coalesce((SELECT json_agg(json_build_object('key', key, 'rows', rows) ORDER BY rows DESC, key COLLATE "C") FROM top), '[]') AS largest,
       coalesce((SELECT json_agg(json_build_object('bucket', bucket, 'rows', rows) ORDER BY bucket) FROM shard), '[]') AS shards
FROM per_key
