-- Which of these values, by their place in the list, none of the tables in :missing holds.
SELECT k.place::int AS place
FROM unnest(:values) WITH ORDINALITY AS k (:names, place)
WHERE :missing;
