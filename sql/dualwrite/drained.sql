-- Everything that this snapshot sees has been applied.
UPDATE citus_migrate.capture SET drained = :'drained', drained_at = now(), target = :'target';
DELETE FROM citus_migrate.truncation WHERE pg_visible_in_snapshot(xid, :'drained'::pg_snapshot);
