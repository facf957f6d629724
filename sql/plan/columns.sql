-- Columns of tables in their order, with what their types can do.
WITH RECURSIVE part(root, typ) AS (
  SELECT DISTINCT a.atttypid, a.atttypid
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT p.root, s.typ
  FROM part p
  JOIN pg_type t ON t.oid = p.typ
  CROSS JOIN LATERAL (
    SELECT t.typbasetype AS typ WHERE t.typtype = 'd'
    UNION ALL SELECT t.typelem WHERE t.typcategory = 'A'
    UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    UNION ALL SELECT a.atttypid FROM pg_attribute a
              WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) s
), kind AS (
  -- regclass and its kin send the OID of what they name, which is another one on every server.
  SELECT p.root, bool_and(t.typsend <> 0 AND t.typreceive <> 0
                          AND NOT (t.typnamespace = 'pg_catalog'::regnamespace AND t.typname LIKE 'reg%')) AS is_binary,
         min(x.extname) AS extension
  FROM part p
  JOIN pg_type t ON t.oid = p.typ
  LEFT JOIN pg_depend e ON e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'
  LEFT JOIN pg_extension x ON x.oid = e.refobjid
  GROUP BY p.root
), base(root, typ) AS (
  -- Domains over domains end at the first type that is none.
  SELECT p.root, p.typ FROM part p JOIN pg_type r ON r.oid = p.root JOIN pg_type t ON t.oid = p.typ
  WHERE (r.typtype <> 'd' AND p.typ = p.root)
     OR (r.typtype = 'd' AND t.typtype <> 'd'
         AND EXISTS (SELECT FROM pg_type d JOIN part q ON q.root = p.root AND q.typ = d.oid
                     WHERE d.typtype = 'd' AND d.typbasetype = p.typ))
)
SELECT n.nspname AS schema, c.relname AS table, a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS "default",
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
       CASE WHEN a.attgenerated <> '' THEN pg_get_expr(ad.adbin, ad.adrelid) END AS generated,
       CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', cn.nspname, co.collname) END AS collation,
       coalesce(co.collisdeterministic, true) AS deterministic,
       coalesce(k.is_binary, false) AS binary,
       h.hash AS "hashFunction",
       k.extension
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef ad ON ad.adrelid = c.oid AND ad.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN kind k ON k.root = a.atttypid
LEFT JOIN base b ON b.root = a.atttypid
LEFT JOIN LATERAL (
  -- The default hash operator class, also through a binary-coercible cast as the type cache finds it.
  SELECT ap.amproc::oid::regproc::text AS hash
  FROM pg_opclass oc
  JOIN pg_am am ON am.oid = oc.opcmethod AND am.amname = 'hash'
  JOIN pg_type ot ON ot.oid = oc.opcintype
  JOIN pg_amproc ap ON ap.amprocfamily = oc.opcfamily AND ap.amproclefttype = oc.opcintype
                   AND ap.amprocrighttype = oc.opcintype AND ap.amprocnum = 1
  WHERE oc.opcdefault
    AND (oc.opcintype = b.typ
         OR EXISTS (SELECT FROM pg_cast ca WHERE ca.castsource = b.typ AND ca.casttarget = oc.opcintype
                                             AND ca.castmethod = 'b' AND ca.castcontext = 'i'))
  ORDER BY oc.opcintype = b.typ DESC, ot.typispreferred DESC, ot.typname
  LIMIT 1
) h ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY c.oid, a.attnum
