-- Shards of the probe that have moved away from this node and are not dropped yet.
SET citus.override_table_visibility = off;
SET citus.enable_manual_changes_to_shards = on;
DO $$
DECLARE
  shard regclass;
BEGIN
  FOR shard IN SELECT c.oid FROM pg_class c
               WHERE c.relnamespace = to_regnamespace('citus_migrate') AND c.relkind = 'r' AND c.relname ~ '^probe_[0-9]+$' LOOP
    EXECUTE format('DROP TABLE %s', shard);
  END LOOP;
END
$$;
RESET citus.enable_manual_changes_to_shards;
RESET citus.override_table_visibility;
