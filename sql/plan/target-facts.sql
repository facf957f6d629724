-- What a plan asks of its target.
SELECT current_setting('max_connections')::int AS "maxConnections",
       current_setting('citus.shard_count', true)::int AS "shardCount",
       current_setting('citus.shard_replication_factor', true)::int AS "replicationFactor",
       EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS citus,
       (SELECT json_agg(name) FROM pg_available_extensions) AS available,
       (SELECT json_agg(json_build_object('name', x.extname, 'schema', n.nspname))
        FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace) AS extensions,
       (SELECT json_agg(rolname) FROM pg_roles) AS roles,
       (SELECT json_agg(rolname) FROM pg_roles WHERE NOT pg_has_role(oid, 'MEMBER')) AS strangers
