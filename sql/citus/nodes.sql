-- The nodes that can hold data, as pg_dist_node says; group 0 is the coordinator.
SELECT n.groupid AS "groupId", n.nodename AS host, n.nodeport AS port,
       n.isactive AS active, n.shouldhaveshards AS "hasShards"
FROM pg_dist_node n
WHERE n.noderole = 'primary'
ORDER BY n.groupid, n.nodename, n.nodeport;
