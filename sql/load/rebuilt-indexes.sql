-- Those of the :planned indexes that stand here exactly as the plan makes them, and that nothing else leans on: not
-- unique, of no constraint, and with nothing that making them anew would lose.
SELECT p.schema, p.name
FROM (VALUES :planned) AS p (schema, name, "table", method, tail)
JOIN pg_namespace n ON n.nspname = p.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.name AND c.relkind = 'i'
JOIN pg_am m ON m.oid = c.relam AND m.amname = p.method
JOIN pg_index i ON i.indexrelid = c.oid AND i.indrelid = to_regclass(p."table")
WHERE NOT i.indisunique AND NOT i.indisexclusion AND NOT i.indisclustered AND NOT i.indisreplident AND i.indisvalid
  AND right(pg_get_indexdef(c.oid), length(p.tail) + 1) = '(' || p.tail
  AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attstattarget > 0)
  AND obj_description(c.oid, 'pg_class') IS NULL
ORDER BY 1, 2;
