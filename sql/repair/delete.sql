-- Deletes the row that was compared, and only as it was then.
DELETE FROM :relation AS t WHERE :key AND :hash = :seen;
