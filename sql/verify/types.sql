-- What the columns of the named tables are made of: the type below any domain, its kind, its send function, and
-- whether its bytes mean the same on every server (element types that carry an OID of this server do not).
SELECT n.nspname AS schema, c.relname AS name, a.attname AS "column",
       bn.nspname AS "baseSchema", b.typname AS base, b.oid <> a.atttypid AS domain,
       b.typtype AS kind,
       b.typcategory = 'A' AND b.typelem <> 0 AS "isArray",
       CASE WHEN b.typsend <> 0 THEN format('%I.%I', sn.nspname, sp.proname) END AS send,
       -- 16384: FirstNormalObjectId; types below it have the same OID everywhere.
       b.oid < 16384 AND (b.typelem = 0 OR b.typelem < 16384) AS builtin,
       coalesce(co.collisdeterministic, true) AS deterministic
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL (
  WITH RECURSIVE below AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM below JOIN pg_type t ON t.oid = below.typbasetype WHERE below.typtype = 'd'
  )
  SELECT oid FROM below WHERE typtype <> 'd'
) AS bottom
JOIN pg_type b ON b.oid = bottom.oid
JOIN pg_namespace bn ON bn.oid = b.typnamespace
LEFT JOIN pg_proc sp ON sp.oid = b.typsend
LEFT JOIN pg_namespace sn ON sn.oid = sp.pronamespace
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE c.relkind IN ('r', 'p')
  AND (n.nspname, c.relname) IN (:tables)
ORDER BY 1, 2, a.attnum;
