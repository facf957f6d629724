-- Where the nodes are and the shards of captured tables lie: every move makes a placement of its own.
SELECT md5(concat_ws(' ',
  (SELECT string_agg(concat_ws(' ', n.groupid, n.nodename, n.nodeport), ',' ORDER BY n.groupid, n.nodeid)
   FROM pg_dist_node n WHERE n.noderole = 'primary' AND n.isactive),
  (SELECT string_agg(concat_ws(' ', p.placementid, p.shardid, p.groupid), ',' ORDER BY p.placementid)
   FROM citus_migrate.captured k
   CROSS JOIN jsonb_to_recordset(k.shape) AS r (schema text, name text)
   JOIN pg_dist_shard s ON s.logicalrelid = to_regclass(format('%I.%I', r.schema, r.name))
   JOIN pg_dist_placement p ON p.shardid = s.shardid))) AS mark;
