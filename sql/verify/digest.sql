-- Count and digest of rows, by the shard that the target would put them in (:bucket; 1 where there is one shard) and
-- by the low bits of the row's hash, :slices to a shard, so that a look for the rows that differ has few to look at.
-- sum tells apart what xor alone would cancel; both together do not depend on the order of rows.
-- OFFSET 0 keeps the subquery apart: otherwise each aggregate computes the hash for itself (measured: twice the time).
SELECT z.bucket * :slices + (z.hash & (:slices - 1))::int AS part, count(*)::text AS rows, coalesce(sum(z.hash), 0)::text AS sum, coalesce(bit_xor(z.hash), 0)::text AS xor
FROM (SELECT :bucket AS bucket, :hash AS hash :from WHERE :condition OFFSET 0) AS z
GROUP BY 1;
