-- When the last pass that brought changes was told; NULL: none was.
SELECT c.drained_at::text AS at FROM citus_migrate.capture c;
