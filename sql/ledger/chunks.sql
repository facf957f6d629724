-- Everything that was loaded into the tables of this target, by any load.
SELECT c.load_id AS "loadId", c.table_name AS "table", c.chunk, c.rows::text AS rows, c.rejected::text AS rejected, c.source
FROM citus_migrate.chunk c
ORDER BY 1, 2, 3;
