INSERT INTO citus_migrate.chunk (load_id, table_name, chunk, rows, rejected, source)
VALUES (:'load_id', :'table_name', :'chunk', :'rows', :'rejected', nullif(:'source', '')::jsonb);
