-- Columns of the named tables as they are now; a table without any has one row of nulls, one that does
-- not exist none.
SELECT n.nspname AS schema, c.relname AS name, a.attname AS "column",
       format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
  AND (n.nspname, c.relname) IN (:tables)
ORDER BY 1, 2, a.attnum;
