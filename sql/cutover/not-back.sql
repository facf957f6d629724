-- Keys of one table that this node has logged and the single node has not got: each as JSON, with how often it was
-- logged and when last. An update that changes a key is logged with both.
SELECT v.key, count(*)::int AS times, max(v.at)::text AS at
FROM (:versions) v
GROUP BY v.key
ORDER BY max(v.at), v.key
