-- Logged versions of one table's rows that have not been applied, and the age of the oldest in seconds.
SELECT :id AS id, coalesce(sum(coalesce(cardinality(a1), 1)), 0)::text AS changes,
       extract(epoch FROM clock_timestamp() - min(at))::float8::text AS at
FROM (SELECT xid, at, a1 FROM :log_1 UNION ALL SELECT xid, at, a1 FROM :log_2) l
WHERE NOT pg_visible_in_snapshot(xid, :'drained'::pg_snapshot)
