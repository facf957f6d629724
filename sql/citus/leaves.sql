-- The tables that hold the rows of each user table: itself, or the leaves below a partitioned one.
SELECT ns.nspname AS schema, c.relname AS name, leaf_ns.nspname AS "leafSchema", leaf.relname AS "leafName"
FROM pg_class c
JOIN pg_namespace ns ON ns.oid = c.relnamespace
CROSS JOIN LATERAL pg_partition_tree(c.oid) t
JOIN pg_class leaf ON leaf.oid = t.relid AND leaf.relkind = 'r'
JOIN pg_namespace leaf_ns ON leaf_ns.oid = leaf.relnamespace
WHERE c.relkind IN ('p') AND NOT c.relispartition
UNION ALL
SELECT ns.nspname, c.relname, ns.nspname, c.relname
FROM pg_class c
JOIN pg_namespace ns ON ns.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relispartition
ORDER BY 1, 2, 3, 4;
