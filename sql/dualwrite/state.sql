SELECT c.installed_at::text AS "installedAt", c.drained::text AS drained, c.target, c.limit_bytes::text AS "limitBytes",
       c.policy, CASE pg_sequence_last_value('citus_migrate.dropped'::regclass) WHEN 2 THEN 'limit' WHEN 3 THEN 'column' END AS dropped,
       pg_sequence_last_value('citus_migrate.segment'::regclass)::int AS segment
FROM citus_migrate.capture c;
