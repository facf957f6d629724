-- Nodes that take shards.
SELECT count(*)::int AS nodes FROM pg_dist_node WHERE isactive AND shouldhaveshards AND noderole = 'primary'
