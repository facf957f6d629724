-- Whether rows are still what an earlier snapshot saw, by :bucket: how many there are, and how many of them it knew
-- (:xmins names t.xmin AS x0, via1.xmin AS x1, … of the tables that a row is joined from; :known says that every
-- one of them is older than whatever was under way then). As many rows, all of them known: the same rows. They are grouped by the few
-- transactions that wrote them, so that this costs a scan and no more.
SELECT g.bucket, sum(g.n)::text AS rows, coalesce(sum(g.n) FILTER (WHERE :known), 0)::text AS known
FROM (
  SELECT r.bucket, count(*) AS n, :groups
  FROM (SELECT coalesce(:bucket, 0) AS bucket, :xmins :from WHERE :condition) AS r
  GROUP BY r.bucket, :groups
) AS g
CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS xmax) AS now
GROUP BY g.bucket;
