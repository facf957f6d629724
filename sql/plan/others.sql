-- What exists beside tables and would be missing afterwards without a word.
SELECT 'rule' AS kind, format('%I on %I.%I', r.rulename, n.nspname, c.relname) AS name,
       json_build_object('schema', n.nspname, 'name', c.relname) AS table
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE 'window function' END,
       format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), NULL
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('a', 'w') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
UNION ALL
SELECT 'operator', o.oid::regoperator::text, NULL
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_operator'::regclass AND e.objid = o.oid AND e.deptype = 'e')
UNION ALL
SELECT 'base type', format_type(t.oid, NULL), NULL
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'b' AND t.typelem = 0
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
UNION ALL
SELECT 'foreign table', format('%I.%I', n.nspname, c.relname), NULL
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'f' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'trigger on view', format('%I on %I.%I', t.tgname, n.nspname, c.relname), NULL
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v' AND NOT t.tgisinternal AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'event trigger', quote_ident(t.evtname), NULL
FROM pg_event_trigger t
WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid AND e.deptype = 'e')
UNION ALL
SELECT 'publication', quote_ident(p.pubname), NULL FROM pg_publication p
UNION ALL
SELECT 'cast', format('%s to %s', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)), NULL
FROM pg_cast c
WHERE c.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'text search configuration', format('%I.%I', n.nspname, c.cfgname), NULL
FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_ts_config'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'default privileges',
       format('of %s on %s%s', quote_ident(pg_get_userbyid(d.defaclrole)),
              CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                   WHEN 'T' THEN 'types' ELSE 'schemas' END,
              ' in schema ' || quote_ident(n.nspname)), NULL
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
UNION ALL
-- From PostgreSQL 16 on.
SELECT 'rules of collation', format('%I.%I', n.nspname, c.collname), NULL
FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE to_jsonb(c) ->> 'collicurules' IS NOT NULL AND n.nspname !~ '^pg_'
UNION ALL
SELECT 'access method', format('%I of %I.%I', m.amname, n.nspname, c.relname),
       json_build_object('schema', n.nspname, 'name', c.relname)
FROM pg_class c JOIN pg_am m ON m.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND m.amname <> 'heap' AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
-- Those of the server itself begin with pg_ and come and go.
SELECT 'column options', format('%s of %I.%I.%I', o.options, n.nspname, c.relname, a.attname),
       json_build_object('schema', n.nspname, 'name', c.relname)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT string_agg(x, ', ') AS options FROM unnest(a.attoptions) x WHERE x !~ '^pg_') o
WHERE c.relkind IN ('r', 'p') AND o.options IS NOT NULL AND NOT a.attisdropped AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
UNION ALL
SELECT 'large object', count(*) || ' large objects', NULL FROM pg_largeobject_metadata HAVING count(*) > 0
