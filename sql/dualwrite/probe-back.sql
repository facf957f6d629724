-- What the probes of the cluster are brought back to, on the single node.
CREATE TABLE IF NOT EXISTS citus_migrate.:name (place :type PRIMARY KEY, token text NOT NULL);
