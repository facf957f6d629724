-- Comments on what the catalog describes. Extensions bring their own.
SELECT i.type, to_json(a.object_names) AS names, to_json(a.object_args) AS args, i.identity, d.description AS text
FROM pg_description d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
CROSS JOIN LATERAL pg_identify_object_as_address(d.classoid, d.objoid, d.objsubid) a
WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass) -- thousands of comments are the server's own
  AND i.type IN ('schema', 'table', 'table column', 'table constraint', 'view', 'view column', 'materialized view',
                 'materialized view column', 'index', 'sequence', 'function', 'procedure', 'type')
  AND coalesce(i.schema, a.object_names[1]) !~ '^pg_'
  AND coalesce(i.schema, a.object_names[1]) NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')
  -- The schema public has a comment of its own.
  AND NOT (i.type = 'schema' AND d.description = 'standard public schema')
