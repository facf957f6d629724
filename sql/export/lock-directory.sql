-- One export at a time writes into a directory. The lock ends with the session, however the process ends.
SELECT d.key::text AS key, pg_try_advisory_lock(d.key) AS locked
FROM (SELECT hashtextextended('citus-migrate export ' || :'directory', 0) AS key) d;
