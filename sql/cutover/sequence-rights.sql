-- The user's sequences that this role may not move.
SELECT n.nspname AS schema, c.relname AS name
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT has_sequence_privilege(s.seqrelid, 'UPDATE')
ORDER BY 1, 2;
