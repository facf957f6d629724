-- The hashes of values in some slices, and how many rows have each.
SELECT z.hash::text AS hash, count(*)::text AS rows
FROM (SELECT :hash AS hash FROM :from AS t WHERE :condition) AS z
WHERE (z.hash & (:slices - 1))::int IN (:wanted)
GROUP BY 1;
