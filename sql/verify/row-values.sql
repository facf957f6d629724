-- Rows of one part of a table: where each belongs, its key as text that sorts by bytes, and every value in a form
-- whose bytes are the same on both sides exactly when the value is.
SELECT coalesce(:home, 0)::int4 AS home, :keys, :values :from WHERE :condition
