-- Triggers that users made; clones on partitions are left to their parent.
SELECT n.nspname AS schema, c.relname AS table, t.tgname AS name,
       pg_get_triggerdef(t.oid) AS definition,
       CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END AS enabled
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace pn ON pn.oid = p.pronamespace
WHERE NOT t.tgisinternal AND t.tgparentid = 0
  AND c.relkind IN ('r', 'p')
  AND pn.nspname <> 'citus_migrate'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_trigger'::regclass AND e.objid = t.oid AND e.deptype = 'e')
