-- Makes the run :run_id the one that may write here. Whoever still shares the lock belongs to a run that has lost its
-- own: its transactions are ended, and once this commits none of its lanes gets in again. What one of them had
-- committed by then is in the ledger, what it had not never will be.
SET citus.enable_ddl_propagation = off;
CREATE SCHEMA IF NOT EXISTS citus_migrate;
CREATE TABLE IF NOT EXISTS citus_migrate.owner (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  run_id text NOT NULL
);
RESET citus.enable_ddl_propagation;
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = '60s';
SELECT pg_terminate_backend(l.pid)
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND (l.classid::bigint << 32 | l.objid::bigint) = :key
  AND pg_has_role(a.usesysid, 'USAGE');
SELECT pg_advisory_xact_lock(:key);
INSERT INTO citus_migrate.owner (run_id) VALUES (:'run_id')
ON CONFLICT (one) DO UPDATE SET run_id = excluded.run_id;
COMMIT;
