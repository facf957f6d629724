-- The log of one table, in two segments, and the function that writes it. Columns: the tracked ones of a changed row
-- as k1, k2, …, or those of many rows as lists a1, a2, …, not compressed: that would cost more than the disk saved.
CREATE TABLE :log_1 (xid xid8 NOT NULL, at timestamptz NOT NULL, :definitions)
WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);
ALTER TABLE :log_1 :external;
CREATE TABLE :log_2 (LIKE :log_1 INCLUDING STORAGE)
WITH (autovacuum_enabled = off, toast.autovacuum_enabled = off);
CREATE OR REPLACE FUNCTION :capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'body';
INSERT INTO citus_migrate.captured (id, table_name, tracked, shape) VALUES (:id, :'table', :'tracked', :'shape');
