SELECT e.id::text AS id, e.at::text AS at, e.run_id AS "runId", e.kind, e.detail
FROM citus_migrate.evidence e
WHERE :'kind' IN ('', e.kind)
ORDER BY e.id;
