-- What one node knows of the capture, in one look: its state, which tables are captured there, which were truncated
-- since the last pass (and how many seconds ago, at most), where triggers are
-- missing, and whether something was written before the node captured.
SELECT c.installed_at::text AS "installedAt", c.drained::text AS drained, c.target, c.limit_bytes::text AS "limitBytes",
       c.policy, CASE pg_sequence_last_value('citus_migrate.dropped'::regclass) WHEN 2 THEN 'limit' WHEN 3 THEN 'column' END AS dropped,
       pg_sequence_last_value('citus_migrate.segment'::regclass)::int AS segment,
       ARRAY(SELECT k.id FROM citus_migrate.captured k) AS ids,
       ARRAY(SELECT DISTINCT t.table_id FROM citus_migrate.truncation t
             WHERE NOT pg_visible_in_snapshot(t.xid, coalesce(c.drained, '1:1:'))) AS truncated,
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(t.at)), 0)::float8::text FROM citus_migrate.truncation t
        WHERE NOT pg_visible_in_snapshot(t.xid, coalesce(c.drained, '1:1:'))) AS "truncatedFor",
       to_regclass('citus_migrate.unseen') IS NOT NULL AS unseen, :silent AS silent
FROM citus_migrate.capture c;
