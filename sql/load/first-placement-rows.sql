-- Rows in the first placement (lowest group) of every shard of a replicated table. A query through the coordinator
-- takes whichever placement it likes.
SELECT coalesce(sum(f.rows), 0)::text AS rows
FROM (
  SELECT DISTINCT ON (p.shardid) p.result::bigint AS rows
  FROM run_command_on_placements(:'table'::regclass, 'SELECT count(*) FROM %s') p
  JOIN pg_dist_node n ON n.nodename = p.nodename AND n.nodeport = p.nodeport
  ORDER BY p.shardid, n.groupid
) f;
