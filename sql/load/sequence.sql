-- Sets a sequence to :value unless it is past it already; one that counts down has to be below.
SELECT setval(:'sequence'::regclass, :value) AS value
FROM pg_sequences s
WHERE format('%I.%I', s.schemaname, s.sequencename)::regclass = :'sequence'::regclass
  AND CASE WHEN s.increment_by > 0
           THEN :value > coalesce(s.last_value, s.start_value - 1)
           ELSE :value < coalesce(s.last_value, s.start_value + 1) END;
