-- The view of pg_stat_statements, in whatever schema the extension was made, and whether it shows others' statements.
SELECT format('%I.pg_stat_statements', n.nspname) AS view,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS "mayRead"
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements';
