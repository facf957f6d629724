-- Tables, partitioned tables and partitions.
SELECT n.nspname AS schema, c.relname AS name,
       CASE WHEN c.relispartition THEN 'partition' WHEN c.relkind = 'p' THEN 'partitioned' ELSE 'table' END AS kind,
       c.relpersistence = 'u' AS unlogged,
       pg_get_partkeydef(c.oid) AS "partitionBy",
       CASE WHEN c.relispartition
            THEN (SELECT json_build_object('schema', pn.nspname, 'name', pc.relname,
                                           'bound', pg_get_expr(c.relpartbound, c.oid))
                  FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
                  JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhrelid = c.oid) END AS "partitionOf",
       CASE WHEN c.relispartition THEN '[]'::json
            ELSE coalesce((SELECT json_agg(json_build_object('schema', pn.nspname, 'name', pc.relname) ORDER BY i.inhseqno)
                           FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
                           JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhrelid = c.oid), '[]') END AS inherits,
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS "hasHeirs",
       pg_get_userbyid(c.relowner) AS owner,
       c.relrowsecurity AS "rowSecurityEnabled", c.relforcerowsecurity AS "rowSecurityForced",
       coalesce(to_json(c.reloptions), '[]') AS options
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
