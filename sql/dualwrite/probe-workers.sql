-- Workers through which applications can write: they have the metadata.
SELECT n.groupid AS "group"
FROM pg_dist_node n
WHERE n.groupid <> 0 AND n.noderole = 'primary' AND n.isactive AND n.hasmetadata AND n.metadatasynced
ORDER BY n.groupid;
