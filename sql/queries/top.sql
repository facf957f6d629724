-- Statements of applications on this database, those first that took most time in all. Utility commands and what only
-- looks at catalogs or was sent by this program are passed over.
SELECT s.query AS text, sum(s.calls)::text AS calls
FROM :view s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND s.query ~* '^\s*(SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE)\M'
  AND s.query !~* '\m(citus_migrate|pg_catalog|information_schema|pg_stat_\w+|pg_export_snapshot)\M'
GROUP BY s.query
ORDER BY sum(s.total_exec_time) DESC, s.query
LIMIT :count;
