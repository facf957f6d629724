SELECT c.installed_at::text AS "installedAt", c.drained::text AS drained, c.target, c.limit_bytes::text AS "limitBytes",
       c.policy, pg_sequence_last_value('citus_migrate.dropped'::regclass) > 1 AS dropped,
       pg_sequence_last_value('citus_migrate.segment'::regclass)::int AS segment
FROM citus_migrate.capture c;
