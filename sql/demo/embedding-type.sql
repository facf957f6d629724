-- The type that the fixture's embeddings were declared with.
SELECT CASE WHEN t.typname = '_float4' THEN 'real[]' ELSE t.typname || '(384)' END AS type
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = 'public.memory_entries'::regclass AND a.attname = 'embedding';
