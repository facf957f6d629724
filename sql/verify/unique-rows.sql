-- Rows whose value of a unique rule has one of these hashes.
SELECT z.hash::text AS hash, z.key
FROM (SELECT :hash AS hash, ARRAY[:key]::text[] AS key FROM :from AS t WHERE :condition) AS z
WHERE z.hash IN (:wanted)
ORDER BY 1, 2
LIMIT :limit;
