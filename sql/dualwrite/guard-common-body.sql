BEGIN
  IF current_setting('citus_migrate.applying', true) = 'on'
     OR '{100}' <@ nullif(current_setting('citus_migrate.held', true), '')::int[] THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    PERFORM FROM old_rows LIMIT 1;
  ELSE
    PERFORM FROM new_rows LIMIT 1;
  END IF;
  IF FOUND THEN
    PERFORM citus_migrate.guard('{100}');
    PERFORM set_config('citus_migrate.held', (nullif(current_setting('citus_migrate.held', true), '')::int[] || 100)::text, true);
  END IF;
  RETURN NULL;
END
