-- Rows whose foreign key has one of these values.
SELECT ARRAY[:row_key]::text[] AS "rowKey", ARRAY[:key]::text[] AS key
FROM :child AS c
WHERE (ARRAY[:key]::text[])::text IN (:wanted)
ORDER BY 1, 2
LIMIT :limit;
