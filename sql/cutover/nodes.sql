-- Nodes that are not as a working one: switched off, with metadata that lags behind, or one that others cannot reach.
SELECT n.nodename || ':' || n.nodeport AS node,
       CASE WHEN NOT n.isactive THEN 'is switched off (citus_activate_node switches it on)'
            WHEN n.hasmetadata AND NOT n.metadatasynced THEN 'has not got the latest metadata' END AS trouble
FROM pg_dist_node n
WHERE n.noderole = 'primary' AND (NOT n.isactive OR n.hasmetadata AND NOT n.metadatasynced)
UNION ALL
SELECT h.to_nodename || ':' || h.to_nodeport,
       CASE WHEN h.result IS NULL THEN 'could not be asked whether it reaches the others'
            ELSE 'cannot be reached from ' || h.from_nodename || ':' || h.from_nodeport END
FROM citus_check_cluster_node_health() h
WHERE h.result IS NOT TRUE
ORDER BY 1, 2;
