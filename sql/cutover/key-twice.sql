-- Values of the source's unique rules that the target holds more than once, and how often beyond the first.
SELECT :text AS key, (count(*) - 1)::text AS more FROM :table t WHERE :condition
GROUP BY :key HAVING count(*) > 1 LIMIT :most;
