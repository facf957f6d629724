-- How far index builds on this node are, by the process that asked for them: a backend of this node itself (:own), or
-- the one on the coordinator that a backend of Citus works for (its gpid is the node's id and ten digits of the pid).
-- A shard stays locked until all are built, so those that are locked and not in the view are done.
SELECT coalesce(json_agg(json_build_object('leader', p.leader, 'done', p.locked - p.active, 'active', p.active,
                                           'part', p.part, 'phase', p.phase)), '[]') AS result
FROM (
  SELECT b.leader, count(v.pid) AS active, max(v.phase) AS phase,
         greatest(sum(b.locked), count(v.pid)) AS locked,
         coalesce(sum(CASE
           WHEN v.phase = 'building index: scanning table' THEN 0.5 * v.blocks_done / nullif(v.blocks_total, 0)
           WHEN v.phase LIKE 'building index: sorting%' THEN 0.5
           WHEN v.tuples_total > 0 THEN 0.5 + 0.5 * v.tuples_done / v.tuples_total
           ELSE v.blocks_done::numeric / nullif(v.blocks_total, 0) END), 0)::float8 AS part
  FROM (
    SELECT a.pid,
           CASE WHEN a.application_name ~ '^citus_internal gpid=\d+$'
                THEN substring(a.application_name FROM '\d+$')::bigint % 10000000000
                WHEN :own THEN a.pid END AS leader,
           (SELECT count(*) FROM pg_locks l
            WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.mode = 'ShareLock' AND l.granted
              AND l.relation <> ALL (:shells)) AS locked
    FROM pg_stat_activity a
    WHERE a.datname = current_database()
  ) b
  LEFT JOIN pg_stat_progress_create_index v ON v.pid = b.pid
  WHERE b.leader IN (:leaders)
  GROUP BY 1
) p;
