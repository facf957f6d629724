-- The same for the node that keeps what is not distributed.
CREATE TABLE IF NOT EXISTS citus_migrate.probe_local (place integer PRIMARY KEY, token text NOT NULL);
