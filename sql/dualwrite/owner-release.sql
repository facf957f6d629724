-- Ends the block of the units, where nothing was decided.
UPDATE citus_migrate.ownership o
SET blocked_until = NULL, blocked_by = NULL, changed_at = clock_timestamp()
WHERE o.unit = ANY (ARRAY[:units]::text[]) AND o.blocked_by = :'token'
RETURNING o.unit;
