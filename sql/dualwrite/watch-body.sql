DECLARE
  bytes bigint;
  most record;
BEGIN
  SELECT c.limit_bytes, c.policy INTO most FROM citus_migrate.capture c;
  SELECT sum(pg_total_relation_size(c.oid)) INTO bytes
  FROM pg_class c
  WHERE c.relnamespace = 'citus_migrate'::regnamespace AND c.relname ~ '^log_[0-9]+_[12]$';
  IF bytes <= most.limit_bytes THEN
    RETURN;
  END IF;
  IF most.policy = 'drop' THEN
    PERFORM setval('citus_migrate.dropped', 2);
    PERFORM setval('citus_migrate.segment', 3);
    RAISE LOG 'citus_migrate: the change log has % bytes, its limit is %: changes are no longer captured, the migration has to copy again', bytes, most.limit_bytes;
  ELSE
    RAISE LOG 'citus_migrate: the change log has % bytes, its limit is %: drain it with migrate sync, or remove the shim', bytes, most.limit_bytes;
  END IF;
END
