-- When a pass last brought changes of this node back; none before the first. Only such a pass names its destination.
SELECT c.drained_at::text AS at FROM citus_migrate.capture c WHERE c.target IS NOT NULL;
