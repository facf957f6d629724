INSERT INTO citus_migrate.load (load_id, kind, plan_hash, run_id)
VALUES (:'load_id', :'kind', :'plan_hash', :'run_id')
ON CONFLICT (load_id) DO NOTHING;
