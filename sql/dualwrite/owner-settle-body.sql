-- Makes the workers follow this node: in what it has decided, and in blocks that have run out here.
DECLARE
  later jsonb;
  failed text;
BEGIN
  -- Whoever is about to decide holds this one alone.
  PERFORM pg_advisory_xact_lock_shared(:lock_class, :any_lock);
  SELECT jsonb_agg(jsonb_build_object('unit', o.unit, 'owner', o.owner, 'epoch', o.epoch)) INTO later
  FROM citus_migrate.ownership o
  WHERE o.blocked_until IS NULL OR o.blocked_until < clock_timestamp();
:on_workers
END
