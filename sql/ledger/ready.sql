-- Whether the ledger's tables are there as they should be. Making them again would do nothing here, but Citus passes
-- CREATE … IF NOT EXISTS on to the workers, where the schema may belong to another role.
SELECT to_regclass('citus_migrate.load') IS NOT NULL AND to_regclass('citus_migrate.chunk') IS NOT NULL AND :distributed AS ready;
