-- Digests of the values of a unique rule in one part of a table, cut into :slices by their hash. OFFSET 0: see digest.sql.
SELECT (z.hash & (:slices - 1))::int AS slice, count(*)::text AS rows, sum(z.hash)::text AS sum,
       bit_xor(z.hash)::text AS xor
FROM (SELECT :hash AS hash FROM :from AS t WHERE :condition OFFSET 0) AS z
GROUP BY 1;
