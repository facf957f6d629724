-- The same, each shard cut into :slices by a hash of the key.
SELECT z.bucket, z.slice, count(*)::text AS rows, coalesce(sum(z.hash), 0)::text AS sum,
       coalesce(bit_xor(z.hash), 0)::text AS xor
FROM (
  SELECT :bucket AS bucket, (:key_hash & (:slices - 1))::int AS slice, :hash AS hash :from
  WHERE :condition
  OFFSET 0
) AS z
GROUP BY z.bucket, z.slice;
