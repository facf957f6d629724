INSERT INTO citus_migrate.load (load_id, kind, plan_hash, run_id, lanes)
VALUES (:'load_id', :'kind', :'plan_hash', :'run_id', :'lanes')
ON CONFLICT (load_id) DO UPDATE SET lanes = load.lanes OR excluded.lanes;
