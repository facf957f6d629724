-- Whether a range of pages still holds exactly what an earlier snapshot saw: as many rows, and none that is newer,
-- neither in the table nor in those that its distribution column is reached through (:xmins lists (0, t.xmin),
-- (1, via1.xmin), …). Newer counts from the oldest transaction that was under way at the snapshot: its list names no
-- subtransactions, so a row that one of those wrote would look as if the snapshot had seen it. xmin has 32 bits; its
-- full form is the newest one that is not in the future, so a row from before the last wrap-around can look new (and
-- its chunk changed), never a new row old.
WITH now AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS xmax),
rows AS (
  SELECT x.position, now.xmax, floor(now.xmax / 4294967296) * 4294967296 + x.xmin::text::numeric AS full_xmin
  :from CROSS JOIN LATERAL (VALUES :xmins) AS x (position, xmin) CROSS JOIN now
  WHERE t.ctid >= :'first'::tid AND t.ctid < :'last'::tid
)
SELECT count(*) FILTER (WHERE position = 0)::text AS rows,
       count(*) FILTER (WHERE
         (CASE WHEN full_xmin >= xmax AND full_xmin >= 4294967296 THEN full_xmin - 4294967296 ELSE full_xmin END)
         >= pg_snapshot_xmin(:'snapshot'::pg_snapshot)::text::numeric)::text AS newer
FROM rows;
