-- Deletes some of several equal rows, if there are still as many as when they were compared.
DELETE FROM :relation AS t
WHERE (t.tableoid, t.ctid) IN (SELECT t.tableoid, t.ctid FROM :relation AS t WHERE :hash = :seen LIMIT :change)
  AND :hash = :seen
  AND (SELECT count(*) FROM :relation AS t WHERE :hash = :seen) = :copies;
