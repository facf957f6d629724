-- Whether the schema still holds something, such as the ledger of a way back into this database.
SELECT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('citus_migrate')) AS used;
