-- Transactions that are prepared on this node and have not been decided for a second, as JSON text: it runs on workers,
-- too. Most are decided within milliseconds.
SELECT coalesce(json_agg(p.gid ORDER BY p.prepared), '[]')::text AS prepared
FROM pg_prepared_xacts p
WHERE p.database = current_database() AND p.prepared < clock_timestamp() - interval '1 second';
