-- The user's sequences on this node, and whether the role may read where they stand.
SELECT n.nspname AS schema, c.relname AS name, s.seqstart::text AS start, s.seqincrement::text AS increment,
       s.seqmin::text AS min, s.seqmax::text AS max, has_sequence_privilege(c.oid, 'SELECT') AS readable
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus', 'citus_internal', 'citus_migrate')
  AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1, 2;
