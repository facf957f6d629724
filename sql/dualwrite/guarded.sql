-- Every relation that has a guard, with its triggers (A: fires always); those of a shard end in its id.
SELECT n.nspname AS schema, c.relname AS name, bool_or(t.tgname ~ '_\d+$') AS shard,
       'citus_migrate.' || max(f.proname) FILTER (WHERE f.proname <> 'guard_truncate') AS guard,
       json_object_agg(regexp_replace(t.tgname, '_\d+$', ''), t.tgenabled) AS triggers
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc f ON f.oid = t.tgfoid
WHERE f.pronamespace = to_regnamespace('citus_migrate') AND t.tgname LIKE 'citus\_migrate\_guard\_%'
GROUP BY 1, 2
ORDER BY 1, 2;
