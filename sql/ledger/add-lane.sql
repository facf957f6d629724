INSERT INTO citus_migrate.lane (load_id, table_name, chunk, attempt, ranges, rows, source)
VALUES (:'load_id', :'table_name', :'chunk', :'attempt', :'ranges'::jsonb, :'rows', nullif(:'source', '')::jsonb);
