-- The connection is named after its run.
INSERT INTO citus_migrate.phase (run_id, phase, detail)
VALUES (coalesce(substring(current_setting('application_name') FROM '^migrate (.+)$'), ''), :'phase', :'detail'::jsonb);
