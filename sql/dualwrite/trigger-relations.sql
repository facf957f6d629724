-- Every relation that still has a trigger of the shim.
SELECT DISTINCT n.nspname AS schema, c.relname AS name, f.proname AS function
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc f ON f.oid = t.tgfoid
WHERE f.pronamespace = to_regnamespace('citus_migrate') AND t.tgname LIKE 'citus\_migrate\_%' AND NOT t.tgisinternal
ORDER BY 1, 2;
