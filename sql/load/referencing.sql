-- The tables that refer to the named ones through foreign keys, straight or through others; none of those named.
WITH RECURSIVE named AS (
  SELECT c.oid
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname, c.relname) IN (:tables)
), reached AS (
  SELECT oid FROM named
  UNION
  SELECT f.conrelid FROM reached r JOIN pg_constraint f ON f.confrelid = r.oid AND f.contype = 'f'
)
SELECT n.nspname AS schema, c.relname AS name
FROM reached r
JOIN pg_class c ON c.oid = r.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.oid NOT IN (SELECT oid FROM named) AND NOT c.relispartition
ORDER BY 1, 2;
