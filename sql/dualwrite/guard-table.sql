-- The guard of one table whose rows belong to namespaces.
SET citus.enable_ddl_propagation = off;
CREATE OR REPLACE FUNCTION :guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = :search_path AS :'body';
RESET citus.enable_ddl_propagation;
