-- Placements of one table's shards with another number of finished indexes than the table has on the coordinator.
SELECT p.shardid::text AS "shardId", p.nodename || ':' || p.nodeport AS node,
       CASE WHEN p.success THEN p.result::int END AS found, h.indexes AS wanted
FROM run_command_on_placements(:'relation'::regclass, $$
  SELECT count(*) FROM pg_catalog.pg_index i
  WHERE i.indrelid = '%1$s'::pg_catalog.regclass AND i.indisvalid AND i.indisready$$) p
CROSS JOIN (
  SELECT count(*)::int AS indexes FROM pg_index i
  WHERE i.indrelid = :'relation'::regclass AND i.indisvalid AND i.indisready
) h
WHERE NOT p.success OR p.result::int <> h.indexes
ORDER BY p.shardid, node;
