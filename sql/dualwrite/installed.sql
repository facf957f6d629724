-- Whether there is a shim here, or a part of one.
SELECT to_regclass('citus_migrate.capture') IS NOT NULL AS installed;
