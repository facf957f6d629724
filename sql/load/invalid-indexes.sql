-- Indexes on this node that nobody finished, by the names of their tables (of shards, where there are any).
SELECT coalesce(json_agg(json_build_object('schema', n.nspname, 'name', t.relname, 'index', c.relname)), '[]') AS result
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i';
