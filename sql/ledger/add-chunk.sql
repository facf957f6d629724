INSERT INTO citus_migrate.chunk (load_id, table_name, chunk, rows, source)
VALUES (:'load_id', :'table_name', :'chunk', :'rows', nullif(:'source', '')::jsonb);
