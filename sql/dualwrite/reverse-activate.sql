-- Whatever a node has logged since its triggers were made is to be brought back: this snapshot sees nothing.
UPDATE citus_migrate.captured SET since = pg_current_snapshot() WHERE since IS NULL;
UPDATE citus_migrate.capture SET drained = '1:1:', drained_at = now() WHERE drained IS NULL;
