SELECT t.table_id AS id, extract(epoch FROM clock_timestamp() - min(t.at))::float8::text AS at
FROM citus_migrate.truncation t
WHERE NOT pg_visible_in_snapshot(t.xid, :'drained'::pg_snapshot)
GROUP BY 1;
