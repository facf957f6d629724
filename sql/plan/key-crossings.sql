-- Rows whose parent has another value in the distribution column: a foreign key with that column would refuse them.
SELECT count(*)::text AS rows
FROM (SELECT :child_key AS key, :child_columns FROM :child_from) c
JOIN (SELECT :parent_key AS key, :parent_columns FROM :parent_from) p ON :pairs
WHERE c.key IS DISTINCT FROM p.key
