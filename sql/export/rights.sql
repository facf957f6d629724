-- What the role may not read, or would read only in part.
SELECT format('SELECT on %s', c.oid::regclass) AS missing,
       row_security_active(c.oid) AS hidden
FROM pg_class c
WHERE c.oid IN (SELECT to_regclass(r.name) FROM unnest(ARRAY[:relations]::text[]) AS r (name))
  AND (NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid))
ORDER BY 1;
