-- The values of a foreign key in one part of a table that the part of the other table beside it does not hold, how
-- many rows have each, and the shard (:home) in which the referenced row belongs; 0 where the value does not tell.
SELECT ARRAY[:key]::text[] AS key, (ARRAY[:key]::text[])::text AS name, :home AS home, count(*)::text AS rows
FROM :child AS c
WHERE :filled AND :missing
GROUP BY :columns
