-- What the role may not read of the named relations, or would read only in part: a standby has no rows of unlogged
-- tables, and neither its catalog nor a count of pages tells that from an empty table.
SELECT current_user AS role, n.nspname AS schema, c.relname AS name,
       c.relkind = 'S' AS sequence,
       NOT has_schema_privilege(n.oid, 'USAGE') AS closed,
       NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT, USAGE')
                ELSE has_table_privilege(c.oid, 'SELECT') END AS unreadable,
       c.relkind <> 'S' AND row_security_active(c.oid) AS hidden,
       pg_is_in_recovery() AND (c.relpersistence = 'u' OR EXISTS (
         SELECT FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid
         WHERE c.relkind = 'p' AND p.relpersistence = 'u')) AS unlogged
FROM (VALUES :relations) AS r (schema, name)
JOIN pg_namespace n ON n.nspname = r.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.name
ORDER BY 2, 3;
