-- Sets a sequence to :value, but not beyond its own bounds, unless it is past it already; one that counts down has to
-- be below. Returns where it has to stand at least, and whether it was moved there.
SELECT g.goal::text AS goal, CASE WHEN g.behind THEN setval(:'sequence'::regclass, g.goal) END IS NOT NULL AS moved
FROM (
  SELECT c.goal, CASE WHEN c.up THEN c.goal > coalesce(c.last_value, c.start_value - 1)
                      ELSE c.goal < coalesce(c.last_value, c.start_value + 1) END AS behind
  FROM (
    SELECT s.last_value::numeric, s.start_value::numeric, s.increment_by > 0 AS up,
           greatest(s.min_value, least(s.max_value, CAST(:value AS numeric)))::bigint AS goal
    FROM pg_sequences s
    WHERE format('%I.%I', s.schemaname, s.sequencename)::regclass = :'sequence'::regclass
  ) AS c
) AS g;
