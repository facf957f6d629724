-- What lanes have committed on this node. :filter is SQL built by this program.
SELECT l.load_id AS "loadId", l.table_name AS "table", l.chunk, l.ranges, l.rows::text AS rows, l.rejected::text AS rejected, l.attempt, l.source
FROM citus_migrate.lane l
WHERE :filter
ORDER BY 1, 2, 3, l.attempt;
