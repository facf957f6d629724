-- Rows of every namespace may go.
BEGIN
  IF current_setting('citus_migrate.applying', true) IS DISTINCT FROM 'on' THEN
    PERFORM citus_migrate.guard(ARRAY[:any_lock]);
  END IF;
  RETURN NULL;
END
