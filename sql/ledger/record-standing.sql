-- Whether this node keeps a record, and whether it keeps a ledger that a record can stand beside.
SELECT to_regclass('citus_migrate.phase') IS NOT NULL AND to_regclass('citus_migrate.evidence') IS NOT NULL AS record,
       to_regclass('citus_migrate.load') IS NOT NULL AS ledger;
