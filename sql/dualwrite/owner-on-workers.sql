  SELECT string_agg(format('%s:%s', r.nodename, r.nodeport), ', ') INTO failed
  FROM run_command_on_workers(format('SELECT citus_migrate.adopt(%L::jsonb)', later)) AS r
  WHERE NOT r.success;
  IF failed IS NOT NULL THEN
    RAISE object_not_in_prerequisite_state USING MESSAGE = 'these workers could not follow: ' || failed;
  END IF;
