-- A mark of where all shards lie: every move makes a placement of its own.
SELECT md5(string_agg(concat_ws(' ', p.placementid, p.shardid, p.groupid), ',' ORDER BY p.placementid)) AS mark,
       (SELECT string_agg(n.groupid::text, ',' ORDER BY n.groupid) FROM pg_dist_node n
        WHERE n.noderole = 'primary' AND n.isactive AND n.groupid <> 0) AS groups
FROM pg_dist_placement p;
