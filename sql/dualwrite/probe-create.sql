-- A table of the shim's own, which is captured as those of the application are: whether what is written on a node
-- comes back is tried on it, and nothing of the application is touched. :like has one column, the place of a row.
CREATE TABLE IF NOT EXISTS citus_migrate.probe AS :like WITH NO DATA;
ALTER TABLE citus_migrate.probe ADD PRIMARY KEY (place), ADD COLUMN token text NOT NULL;
