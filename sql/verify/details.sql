-- The rows with some keys: where they lie and belong, their digest, and every value as text.
SELECT coalesce(:bucket, 0) AS bucket, coalesce(:home, 0) AS home, ARRAY[:key]::text[] AS key, (:hash)::text AS hash,
       ARRAY[:values]::text[] AS values
:from
WHERE :condition AND (:wanted);
