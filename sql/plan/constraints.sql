-- Constraints of tables that are not inherited from a partitioned parent.
SELECT n.nspname AS schema, c.relname AS table, k.conname AS name,
       CASE k.contype WHEN 'p' THEN 'primary' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
                      WHEN 'f' THEN 'foreign' ELSE 'exclude' END AS kind,
       coalesce((SELECT json_agg(a.attname ORDER BY u.position)
                 FROM unnest(k.conkey) WITH ORDINALITY u(attnum, position)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum), '[]') AS columns,
       pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS validated,
       CASE WHEN k.contype = 'f' THEN json_build_object(
         'references', json_build_object('schema', fn.nspname, 'name', f.relname),
         'columns', (SELECT json_agg(a.attname ORDER BY u.position)
                     FROM unnest(k.confkey) WITH ORDINALITY u(attnum, position)
                     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum),
         'onDelete', CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                        WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END,
         'onUpdate', CASE k.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                        WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END,
         'match', CASE k.confmatchtype WHEN 'f' THEN 'FULL' ELSE 'SIMPLE' END,
         'deferrable', CASE WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED'
                            WHEN k.condeferrable THEN 'DEFERRABLE' ELSE '' END) END AS foreign
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid
LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
  AND k.conparentid = 0
  AND (k.conislocal OR k.coninhcount = 0)
  AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
