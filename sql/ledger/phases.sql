SELECT p.id::text AS id, p.at::text AS at, p.run_id AS "runId", p.phase, p.detail
FROM citus_migrate.phase p
ORDER BY p.id;
