-- Count and digest of rows by the shard that they belong to. OFFSET 0: see sql/verify/digest.sql.
SELECT z.bucket AS part, count(*)::text AS rows, coalesce(sum(z.hash), 0)::text AS sum, coalesce(bit_xor(z.hash), 0)::text AS xor
FROM (SELECT :bucket AS bucket, :hash AS hash FROM :from OFFSET 0) AS z
GROUP BY 1
