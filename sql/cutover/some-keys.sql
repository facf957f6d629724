-- Keys of some rows that meet a condition.
SELECT :text AS key :from WHERE :condition ORDER BY 1 LIMIT :shown
