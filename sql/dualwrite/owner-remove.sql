SET citus.enable_ddl_propagation = off;
DROP FUNCTION IF EXISTS citus_migrate.take_over(text, bigint), citus_migrate.settle_owners(), citus_migrate.adopt(jsonb),
  citus_migrate.bucket_unit(text);
DROP TABLE IF EXISTS citus_migrate.ownership;
RESET citus.enable_ddl_propagation;
