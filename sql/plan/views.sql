-- Views and materialized views, the relations they read, and the keys by which they GROUP BY.
SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS materialized,
       pg_get_viewdef(c.oid) AS definition, coalesce(to_json(c.reloptions), '[]') AS options,
       coalesce((SELECT json_agg(DISTINCT jsonb_build_object('schema', rn.nspname, 'name', r.relname))
                 FROM pg_rewrite w
                 JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                                 AND d.refclassid = 'pg_class'::regclass
                 JOIN pg_class r ON r.oid = d.refobjid AND r.oid <> c.oid
                 JOIN pg_namespace rn ON rn.oid = r.relnamespace
                 WHERE w.ev_class = c.oid
                   -- What the server and its extensions have is there on every server.
                   AND rn.nspname !~ '^pg_' AND rn.nspname <> 'information_schema'
                   AND NOT EXISTS (SELECT FROM pg_depend e
                                   WHERE e.classid = 'pg_class'::regclass AND e.objid = r.oid AND e.deptype = 'e')
                ), '[]') AS reads,
       (SELECT json_agg(DISTINCT jsonb_build_object('schema', rn.nspname, 'name', r.relname, 'constraint', k.conname))
        FROM pg_rewrite w
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                        AND d.refclassid = 'pg_constraint'::regclass
        JOIN pg_constraint k ON k.oid = d.refobjid
        JOIN pg_class r ON r.oid = k.conrelid
        JOIN pg_namespace rn ON rn.oid = r.relnamespace
        WHERE w.ev_class = c.oid) AS "groupedBy"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
