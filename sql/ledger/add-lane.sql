INSERT INTO citus_migrate.lane (load_id, table_name, chunk, attempt, ranges, rows, rejected, source)
VALUES (:'load_id', :'table_name', :'chunk', :'attempt', :'ranges'::jsonb, :'rows', :'rejected', nullif(:'source', '')::jsonb);
