-- What there is of the named tables, and what the role may do with them; about the whole database in every row.
SELECT current_user AS role, current_database() AS database,
       has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema",
       r.schema, r.name, c.oid IS NOT NULL AS exists,
       n.oid IS NOT NULL AND NOT has_schema_privilege(n.oid, 'CREATE') AS "schemaClosed",
       n.oid IS NULL AS "schemaMissing",
       c.oid IS NOT NULL AND NOT pg_has_role(c.relowner, 'USAGE') AS foreign
FROM (VALUES :relations) AS r (schema, name)
LEFT JOIN pg_namespace n ON n.nspname = r.schema
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.name
ORDER BY 4, 5;
