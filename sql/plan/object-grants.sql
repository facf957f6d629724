-- Privileges on schemas, sequences, views and functions that others than the owner hold. Nothing for PUBLIC on a
-- function or a schema's owner means its default was revoked.
SELECT o.on, o.schema, o.name, CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END AS grantee,
       json_agg(DISTINCT x.privilege_type) AS privileges, x.is_grantable AS grantable
FROM (
  SELECT 'SCHEMA ' || quote_ident(n.nspname) AS on, n.nspname AS schema, n.nspname AS name, n.nspacl AS acl,
         n.nspowner AS owner, 'pg_namespace'::regclass AS class, n.oid
  FROM pg_namespace n
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || format('%I.%I', n.nspname, c.relname),
         n.nspname, c.relname, c.relacl, c.relowner, 'pg_class'::regclass, c.oid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('S', 'v', 'm') AND c.relpersistence <> 't'
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END
           || format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
         n.nspname, p.proname, p.proacl, p.proowner, 'pg_proc'::regclass, p.oid
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p')
) o
CROSS JOIN LATERAL (
  SELECT a.grantee, a.privilege_type, a.is_grantable FROM aclexplode(o.acl) a WHERE a.grantee <> o.owner
  UNION ALL
  SELECT 0::oid, NULL, false
  WHERE o.class = 'pg_proc'::regclass AND o.acl IS NOT NULL
    AND NOT EXISTS (SELECT FROM aclexplode(o.acl) a WHERE a.grantee = 0)
) x
WHERE o.schema !~ '^pg_' AND o.schema NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e')
GROUP BY o.on, o.schema, o.name, x.grantee, x.is_grantable
