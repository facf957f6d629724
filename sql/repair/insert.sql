-- Inserts the source's row, if no row with its key has come since.
INSERT INTO :relation (:columns) OVERRIDING SYSTEM VALUE
SELECT :values WHERE NOT EXISTS (SELECT FROM :relation AS t WHERE :key);
