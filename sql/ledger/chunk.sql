SELECT c.rows::text AS rows, c.rejected::text AS rejected
FROM citus_migrate.chunk c
WHERE c.load_id = :'load_id' AND c.table_name = :'table_name' AND c.chunk = :'chunk';
