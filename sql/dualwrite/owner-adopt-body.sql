-- Takes over what was decided elsewhere, where that was later: [{unit, owner, epoch}, …]. The same epoch ends a block
-- that was left behind.
BEGIN
  INSERT INTO citus_migrate.ownership AS o (unit, owner, epoch)
  SELECT r.unit, r.owner, r.epoch FROM jsonb_to_recordset(later) AS r (unit text, owner text, epoch bigint)
  ON CONFLICT (unit) DO UPDATE
  SET owner = excluded.owner, epoch = excluded.epoch, blocked_until = NULL, blocked_by = NULL, changed_at = clock_timestamp()
  WHERE o.epoch < excluded.epoch OR (o.epoch = excluded.epoch AND o.blocked_until IS NOT NULL);
  -- A transaction with an older snapshot finds its bucket changed, although it cannot see a row that is new.
  UPDATE citus_migrate.ownership o SET changed_at = clock_timestamp()
  WHERE o.unit IN (SELECT citus_migrate.bucket_unit(substr(r.unit, 3))
                   FROM jsonb_to_recordset(later) AS r (unit text) WHERE r.unit LIKE 'n:%');
  NOTIFY citus_migrate_ownership;
END
