-- Whether one of these indexes finds nearest neighbours without looking at all rows.
SELECT EXISTS (
  SELECT FROM pg_class c JOIN pg_am a ON a.oid = c.relam
  WHERE c.relname IN (:names) AND a.amname NOT IN ('btree', 'hash', 'gist', 'gin', 'spgist', 'brin')
) AS approximate;
