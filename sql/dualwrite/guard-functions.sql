-- What there is of guards on this node, as statements drop it.
SELECT format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) AS function
FROM pg_proc f
JOIN pg_namespace n ON n.oid = f.pronamespace
WHERE n.nspname = 'citus_migrate' AND (f.proname = 'refuse' OR f.proname LIKE 'guard%');
