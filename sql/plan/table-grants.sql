-- Privileges on tables and their columns that others than the owner hold.
SELECT n.nspname AS schema, c.relname AS table, g.grantee, g.privileges, g.columns, g.grantable
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS grantee,
         json_agg(DISTINCT x.privilege_type) AS privileges, NULL::json AS columns, x.is_grantable AS grantable
  FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner GROUP BY x.grantee, x.is_grantable
  UNION ALL
  SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END,
         json_build_array(x.privilege_type), json_agg(a.attname ORDER BY a.attnum), x.is_grantable
  FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
  WHERE a.attrelid = c.oid AND NOT a.attisdropped AND x.grantee <> c.relowner
  GROUP BY x.grantee, x.is_grantable, x.privilege_type
) g
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
