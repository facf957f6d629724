-- Inserts more of several equal rows, if there are still as many as when they were compared.
INSERT INTO :relation (:columns) OVERRIDING SYSTEM VALUE
SELECT :values FROM generate_series(1, :change)
WHERE (SELECT count(*) FROM :relation AS t WHERE :hash = :seen) = :copies;
