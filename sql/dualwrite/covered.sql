-- Whether each snapshot that rows were read under sees everything that was not captured: what it does not see is not
-- seen by :since either.
SELECT bool_and(pg_snapshot_xmax(s.seen) >= pg_snapshot_xmax(:'since'::pg_snapshot)
                AND NOT EXISTS (SELECT FROM pg_snapshot_xip(s.seen) AS x (id)
                                WHERE pg_visible_in_snapshot(x.id, :'since'::pg_snapshot))) AS covered
FROM unnest(ARRAY[:seen]::pg_snapshot[]) AS s (seen);
