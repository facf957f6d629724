-- What a sequence can give out here: it need not be what it was made with on the other side.
SELECT s.min_value::text AS min, s.max_value::text AS max
FROM pg_sequences s
WHERE format('%I.%I', s.schemaname, s.sequencename)::regclass = :'sequence'::regclass;
