-- Ledger, record and whatever else the migration kept; nothing of the application's lies here.
DROP SCHEMA IF EXISTS citus_migrate CASCADE;
