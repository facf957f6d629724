-- Bytes of a table with its partitions and TOAST, without indexes.
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::text AS bytes
FROM pg_class c
WHERE c.oid = :'table'::regclass OR c.oid IN (SELECT t.relid FROM pg_partition_tree(:'table'::regclass) t);
