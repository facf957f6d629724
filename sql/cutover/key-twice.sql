-- Keys of the source that the target holds more than once, and how often beyond the first.
SELECT :text AS key, (count(*) - 1)::text AS more FROM :table t GROUP BY :key HAVING count(*) > 1 LIMIT :most;
