-- Size of one table as it lies on this node. `filenode` changes when a command rewrites the table.
SELECT (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 AS pages,
       pg_table_size(c.oid)::float8 AS bytes,
       pg_relation_filenode(c.oid)::text AS filenode,
       greatest(c.reltuples, 0)::float8 AS rows
FROM pg_class c
WHERE c.oid = to_regclass(:'relation');
