-- Every transaction that this snapshot does not see is captured whole.
UPDATE citus_migrate.captured SET since = pg_current_snapshot() WHERE since IS NULL;
UPDATE citus_migrate.capture SET drained = pg_current_snapshot(), drained_at = now() WHERE drained IS NULL;
