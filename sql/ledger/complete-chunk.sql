-- The last word on a chunk whose rows are committed on every node already: it may have been said by an attempt that
-- never heard so.
INSERT INTO citus_migrate.chunk (load_id, table_name, chunk, rows, rejected, source)
VALUES (:'load_id', :'table_name', :'chunk', :'rows', :'rejected', nullif(:'source', '')::jsonb)
ON CONFLICT (load_id, table_name, chunk) DO NOTHING;
