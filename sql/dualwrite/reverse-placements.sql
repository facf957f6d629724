-- A mark of where all shards lie: every move makes a placement of its own. Beside it which workers there are, and
-- which of them have to be there.
SELECT md5(string_agg(concat_ws(' ', p.placementid, p.shardid, p.groupid), ',' ORDER BY p.placementid)) AS mark,
       (SELECT string_agg(n.groupid::text, ',' ORDER BY n.groupid) FROM pg_dist_node n
        WHERE n.noderole = 'primary' AND n.isactive AND n.groupid <> 0) AS groups,
       (SELECT coalesce(json_agg(json_build_object('groupId', m.group_id, 'node', m.node, 'idle', m.idle,
          'gone', NOT EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = m.group_id))), '[]')
        FROM citus_migrate.member m) AS members
FROM pg_dist_placement p;
