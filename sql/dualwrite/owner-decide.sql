-- What the one who has blocked the units may still decide, before the block has run out. Nobody is writing: the locks
-- are held alone.
UPDATE citus_migrate.ownership o
SET :change, changed_at = clock_timestamp()
WHERE o.unit = ANY (ARRAY[:units]::text[]) AND o.blocked_by = :'token' AND o.blocked_until > clock_timestamp()
  AND :'side' = CASE WHEN o.epoch = 0 AND o.unit LIKE 'n:%'
      THEN (SELECT b.owner FROM citus_migrate.ownership b WHERE b.unit = citus_migrate.bucket_unit(substr(o.unit, 3)))
      ELSE o.owner END
RETURNING o.unit, o.epoch::text AS epoch;
