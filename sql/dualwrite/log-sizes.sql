-- Bytes of each segment of every log, rows and lists.
SELECT l.id, l.segment, (pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0))::text AS bytes
FROM (SELECT k.id, s.segment, to_regclass(format('citus_migrate.log_%s_%s', k.id, s.segment)) AS log
      FROM citus_migrate.captured k CROSS JOIN (VALUES (1), (2)) AS s (segment)) l
JOIN pg_class c ON c.oid = l.log
ORDER BY 1, 2;
