-- Rules that this side keeps by itself: checks that hold of every row, and columns that are never NULL (`definition` is
-- then the column's name).
SELECT n.nspname AS schema, c.relname AS "table", 'check' AS kind, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND k.convalidated
UNION ALL
SELECT n.nspname, c.relname, 'foreign', k.conname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.convalidated
UNION ALL
SELECT n.nspname, c.relname, 'not null', a.attname
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus', 'citus_internal', 'citus_migrate')
