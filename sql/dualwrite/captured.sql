SELECT k.id, k.table_name AS "table", k.tracked, k.since::text AS since, k.proven, k.shape
FROM citus_migrate.captured k
ORDER BY k.id;
