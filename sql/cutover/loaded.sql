-- Rows that the ledger knows to have been loaded, by table.
SELECT c.table_name AS "table", sum(c.rows)::text AS rows FROM citus_migrate.chunk c GROUP BY 1 ORDER BY 1;
