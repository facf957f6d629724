-- A reference table takes part in Citus's two-phase commit; a plain table on the coordinator would be committed
-- apart from the shards and could be lost while they are kept.
SELECT create_reference_table(t.name)
FROM (VALUES ('citus_migrate.load'), ('citus_migrate.chunk')) AS t (name)
WHERE NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = t.name::regclass);
