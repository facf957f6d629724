-- Distributed transactions that are prepared but not yet decided: their rows may be visible on one node only.
SELECT count(*)::int AS transactions
FROM pg_prepared_xacts
WHERE gid LIKE 'citus\_%' AND database = current_database() AND prepared < now() - interval '1 second';
