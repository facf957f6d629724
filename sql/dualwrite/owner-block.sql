-- From the commit on nobody begins to write to :units here, for :ms milliseconds. Rows come for those that may be held.
INSERT INTO citus_migrate.ownership (unit, owner)
SELECT u.unit, :'side' FROM unnest(ARRAY[:units]::text[]) AS u (unit) WHERE u.unit LIKE 'n:%'
ON CONFLICT (unit) DO NOTHING;
-- What transactions with an older snapshot look at: they cannot see rows that are new, nor parents that have changed.
UPDATE citus_migrate.ownership SET changed_at = clock_timestamp()
WHERE unit = '*' OR unit IN (SELECT citus_migrate.bucket_unit(substr(u.unit, 3))
                             FROM unnest(ARRAY[:units]::text[]) AS u (unit) WHERE u.unit LIKE 'n:%');
UPDATE citus_migrate.ownership o
SET blocked_until = clock_timestamp() + :ms * interval '1 ms', blocked_by = :'token', changed_at = clock_timestamp()
WHERE o.unit = ANY (ARRAY[:units]::text[])
  AND :'side' = CASE WHEN o.epoch = 0 AND o.unit LIKE 'n:%'
      THEN (SELECT b.owner FROM citus_migrate.ownership b WHERE b.unit = citus_migrate.bucket_unit(substr(o.unit, 3)))
      ELSE o.owner END
RETURNING o.unit;
