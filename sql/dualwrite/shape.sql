-- The named tables with their partitions as they are now: columns, keys, and the shim's triggers (A: fires always).
SELECT r.name AS "root", n.nspname AS schema, c.relname AS name, c.oid = to_regclass(r.name) AS "isRoot",
       (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attname)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       coalesce((SELECT json_object_agg(k.conname, pg_get_constraintdef(k.oid) ORDER BY k.conname)
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u')), '{}') AS keys,
       coalesce((SELECT json_object_agg(t.tgname, t.tgenabled ORDER BY t.tgname)
        FROM pg_trigger t
        JOIN pg_proc f ON f.oid = t.tgfoid AND f.pronamespace = to_regnamespace('citus_migrate')
        WHERE t.tgrelid = c.oid), '{}') AS triggers,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
               WHERE (i.inhrelid = c.oid AND p.relkind = 'r') OR (i.inhparent = c.oid AND c.relkind = 'r')) AS inherits,
       EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS subscribed
FROM unnest(ARRAY[:tables]::text[]) AS r (name)
CROSS JOIN LATERAL (SELECT to_regclass(r.name)::oid UNION SELECT t.relid FROM pg_partition_tree(to_regclass(r.name)) t) AS m (oid)
JOIN pg_class c ON c.oid = m.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1, 4 DESC, 2, 3;
