-- Owners of what is no table, as ALTER … OWNER TO names it. Sequences of a column have the owner of its table, and
-- schema public its server's default unless somebody changed it.
SELECT o.on, o.schema, o.name, pg_get_userbyid(o.owner) AS owner
FROM (
  SELECT 'SCHEMA ' || quote_ident(n.nspname) AS on, n.nspname AS schema, n.nspname AS name, n.nspowner AS owner,
         'pg_namespace'::regclass AS class, n.oid
  FROM pg_namespace n
  WHERE NOT (n.nspname = 'public' AND (n.nspowner = 10 OR pg_get_userbyid(n.nspowner) = 'pg_database_owner'))
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' WHEN 'v' THEN 'VIEW ' ELSE 'MATERIALIZED VIEW ' END
           || format('%I.%I', n.nspname, c.relname),
         n.nspname, c.relname, c.relowner, 'pg_class'::regclass, c.oid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('S', 'v', 'm') AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
  UNION ALL
  SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END
           || format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
         n.nspname, p.proname, p.proowner, 'pg_proc'::regclass, p.oid
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p')
  UNION ALL
  SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || format('%I.%I', n.nspname, t.typname),
         n.nspname, t.typname, t.typowner, 'pg_type'::regclass, t.oid
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
  UNION ALL
  SELECT 'COLLATION ' || format('%I.%I', n.nspname, c.collname), n.nspname, c.collname, c.collowner,
         'pg_collation'::regclass, c.oid
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
) o
WHERE o.schema !~ '^pg_' AND o.schema NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e')
