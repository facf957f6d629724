-- Captured tables, partitions and shards of this node of which some trigger of the shim does not always fire. On a
-- shard there need not be one for TRUNCATE: that fires on the table, on the node where it was said.
WITH known AS (
  SELECT k.id, r.schema, r.name, to_regclass(format('%I.%I', r.schema, r.name)) AS relation
  FROM citus_migrate.captured k CROSS JOIN jsonb_to_recordset(k.shape) AS r (schema text, name text)
), here AS (
  SELECT k.id, k.relation, 4 AS wanted FROM known k WHERE k.relation IS NOT NULL
  UNION ALL
  -- shard_name() leaves out the schema where that is public.
  SELECT k.id, to_regclass(format('%I.%I', k.schema, (SELECT part[array_upper(part, 1)] FROM parse_ident(shard_name(s.logicalrelid, s.shardid)) part))), 3
  FROM known k
  JOIN pg_dist_shard s ON s.logicalrelid = k.relation
  JOIN pg_dist_placement p ON p.shardid = s.shardid
  WHERE p.groupid = (SELECT g.groupid FROM pg_dist_local_group g)
)
SELECT h.relation::text AS relation
FROM here h
WHERE h.wanted > (SELECT count(*) FROM pg_trigger t
                  WHERE t.tgrelid = h.relation AND t.tgenabled = 'A'
                    AND t.tgfoid = to_regproc(format('citus_migrate.capture_%s', h.id))
                    -- On shards their names end with the shard's number: 4, 8, 16 are the three kinds, 32 TRUNCATE.
                    AND (h.wanted = 4 OR t.tgtype & 32 = 0))
ORDER BY 1;
