-- Where the sequences of this side stand.
SELECT s.schemaname AS schema, s.sequencename AS name, s.last_value::text AS last, s.increment_by > 0 AS up
FROM pg_sequences s
ORDER BY 1, 2;
