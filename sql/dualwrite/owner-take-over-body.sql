-- Opens a unit here that the other side has given away by its move number :epoch. Whoever calls this has read it there.
DECLARE
  later jsonb := jsonb_build_array(jsonb_build_object('unit', take_over.unit, 'owner', :'side', 'epoch', take_over.epoch));
  failed text;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_trigger t
    JOIN pg_proc f ON f.oid = t.tgfoid AND f.pronamespace = 'citus_migrate'::regnamespace
    WHERE has_table_privilege(session_user, t.tgrelid, 'INSERT, UPDATE, DELETE')
  ) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only a role that writes to the tables may open them';
  END IF;
  IF EXISTS (SELECT FROM citus_migrate.ownership o WHERE o.unit = take_over.unit AND o.epoch >= take_over.epoch) THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM citus_migrate.ownership o WHERE o.unit = take_over.unit)
     AND take_over.unit NOT LIKE 'n:%' THEN
    RAISE invalid_parameter_value USING MESSAGE = 'there is no such unit';
  END IF;
  -- The other nodes first: once this one is open, all are.
:on_workers
  PERFORM citus_migrate.adopt(later);
END
