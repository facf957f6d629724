-- Gives the row that was compared the source's values, and only as it was then.
UPDATE :relation AS t SET :values WHERE :key AND :hash = :seen;
