-- What the role may not read of the named relations, or would read only in part.
SELECT current_user AS role, n.nspname AS schema, c.relname AS name,
       c.relkind = 'S' AS sequence,
       NOT has_schema_privilege(n.oid, 'USAGE') AS closed,
       NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT, USAGE')
                ELSE has_table_privilege(c.oid, 'SELECT') END AS unreadable,
       c.relkind <> 'S' AND row_security_active(c.oid) AS hidden
FROM (VALUES :relations) AS r (schema, name)
JOIN pg_namespace n ON n.nspname = r.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.name
ORDER BY 2, 3;
