-- The connection is named after its run.
INSERT INTO citus_migrate.evidence (run_id, kind, detail)
VALUES (coalesce(substring(current_setting('application_name') FROM '^migrate (.+)$'), ''), :'kind', :'detail'::jsonb);
