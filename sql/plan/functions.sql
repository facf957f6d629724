-- Functions and procedures of the user, with what is recorded to depend on them. Callers inside a quoted body are
-- not recorded by PostgreSQL.
SELECT n.nspname AS schema, p.proname AS name,
       pg_get_function_identity_arguments(p.oid) AS arguments,
       pg_get_functiondef(p.oid) AS definition,
       coalesce((
         SELECT json_agg(DISTINCT jsonb_build_object('kind', u.kind, 'schema', u.schema, 'name', u.name))
         FROM (
           SELECT CASE WHEN r.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind, rn.nspname AS schema, r.relname AS name
           FROM pg_depend d
           LEFT JOIN pg_attrdef ad ON d.classid = 'pg_attrdef'::regclass AND ad.oid = d.objid
           LEFT JOIN pg_constraint co ON d.classid = 'pg_constraint'::regclass AND co.oid = d.objid
           LEFT JOIN pg_rewrite rw ON d.classid = 'pg_rewrite'::regclass AND rw.oid = d.objid
           LEFT JOIN pg_index ix ON d.classid = 'pg_class'::regclass AND ix.indexrelid = d.objid
           JOIN pg_class r ON r.oid = coalesce(ad.adrelid, nullif(co.conrelid, 0), rw.ev_class, ix.indrelid,
                                               CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END)
           JOIN pg_namespace rn ON rn.oid = r.relnamespace
           WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
           UNION ALL
           SELECT 'trigger', rn.nspname, r.relname
           FROM pg_trigger tg JOIN pg_class r ON r.oid = tg.tgrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
           WHERE tg.tgfoid = p.oid AND NOT tg.tgisinternal
           UNION ALL
           SELECT 'policy', rn.nspname, r.relname
           FROM pg_depend d
           JOIN pg_policy po ON d.classid = 'pg_policy'::regclass AND po.oid = d.objid
           JOIN pg_class r ON r.oid = po.polrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
           WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
           UNION ALL
           SELECT 'function', fn.nspname, f.proname
           FROM pg_depend d
           JOIN pg_proc f ON d.classid = 'pg_proc'::regclass AND f.oid = d.objid
           JOIN pg_namespace fn ON fn.oid = f.pronamespace
           WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
           UNION ALL
           SELECT 'type', tn.nspname, t.typname
           FROM pg_depend d
           LEFT JOIN pg_constraint co ON d.classid = 'pg_constraint'::regclass AND co.oid = d.objid
           JOIN pg_type t ON t.oid = coalesce(nullif(co.contypid, 0), CASE WHEN d.classid = 'pg_type'::regclass THEN d.objid END)
           JOIN pg_namespace tn ON tn.oid = t.typnamespace
           WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
         ) u
       ), '[]') AS "usedBy",
       (
         SELECT json_agg(DISTINCT jsonb_build_object('schema', rn.nspname, 'name', c.relname))
         FROM pg_depend d
         LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
         -- An array of rows depends on the row type.
         LEFT JOIN pg_type el ON el.oid = t.typelem AND t.typcategory = 'A'
         LEFT JOIN pg_class c ON c.oid = CASE WHEN d.refclassid = 'pg_class'::regclass THEN d.refobjid
                                              ELSE coalesce(nullif(el.typrelid, 0), nullif(t.typrelid, 0)) END
         JOIN pg_namespace rn ON rn.oid = c.relnamespace
         WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           AND rn.nspname !~ '^pg_' AND rn.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_depend e
                           WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
       ) AS reads
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i'))
