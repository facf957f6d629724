-- Every index of the user's tables, and whether it is finished.
SELECT n.nspname AS schema, t.relname AS "table", c.relname AS name, i.indisvalid AND i.indisready AS valid
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus', 'citus_internal', 'citus_migrate');
