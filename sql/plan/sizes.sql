-- Bytes (with TOAST, without indexes) and the planner's estimate of rows, -1 where it never looked.
SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned,
       CASE WHEN c.relkind = 'p' THEN 0 ELSE pg_table_size(c.oid) END::text AS bytes, c.reltuples::bigint::text AS rows
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
