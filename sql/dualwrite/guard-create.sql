-- What all guards of a node share.
SET citus.enable_ddl_propagation = off;
CREATE OR REPLACE FUNCTION citus_migrate.refuse(state text) RETURNS void LANGUAGE plpgsql AS :'refuse_body';
CREATE OR REPLACE FUNCTION citus_migrate.guard(buckets int[]) RETURNS boolean LANGUAGE plpgsql AS :'guard_body';
CREATE OR REPLACE FUNCTION citus_migrate.guard_names(namespaces text[]) RETURNS void LANGUAGE plpgsql AS :'names_body';
CREATE OR REPLACE FUNCTION citus_migrate.guard_common() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'common_body';
CREATE OR REPLACE FUNCTION citus_migrate.guard_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS :'truncate_body';
RESET citus.enable_ddl_propagation;
