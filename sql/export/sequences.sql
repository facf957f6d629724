-- Where every sequence of the user's schemas stands; last is null before its first use.
SELECT s.schemaname AS schema, s.sequencename AS name, s.last_value::text AS last
FROM pg_sequences s
WHERE s.schemaname NOT IN ('pg_catalog', 'information_schema', 'citus', 'citus_internal', 'citus_migrate', 'cron')
ORDER BY 1, 2;
