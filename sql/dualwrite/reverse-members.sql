-- The workers whose logs have to be brought back before they may leave the cluster; kept on the coordinator.
CREATE TABLE IF NOT EXISTS citus_migrate.member (
  group_id int PRIMARY KEY,
  node text NOT NULL,
  -- The last pass found no shard there, and brought back all that was logged.
  idle boolean NOT NULL DEFAULT false
);
INSERT INTO citus_migrate.member (group_id, node)
SELECT n.groupid, n.nodename || ':' || n.nodeport FROM pg_dist_node n
WHERE n.noderole = 'primary' AND n.groupid <> 0
ON CONFLICT (group_id) DO NOTHING;
