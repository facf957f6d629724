-- The rows of some slices: where they lie (:bucket, and in which place), where they belong (:home), key as text,
-- digest of the row, digest of each column. The slices are one number each, because PostgreSQL looks those up in a hash table and
-- walks a list of pairs one by one.
SELECT z.bucket, z.home, z.place, z.key, z.hash::text AS hash, z.columns::text[] AS columns
FROM (
  SELECT :bucket AS bucket, :home AS home, (:slice_hash & (:slices - 1))::int AS slice, t.ctid::text AS place,
         ARRAY[:key]::text[] AS key, :hash AS hash, ARRAY[:column_hashes]::bigint[] AS columns
  :from
  WHERE :condition
) AS z
WHERE z.bucket::bigint * :slices + z.slice = ANY (:'wanted'::bigint[]);
