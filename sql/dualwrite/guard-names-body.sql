-- The same for each of these namespaces, behind the locks of their buckets.
DECLARE
  verdict int;
BEGIN
  SELECT max(CASE
      WHEN CASE WHEN m.epoch > 0 THEN m.owner ELSE b.owner END <> :'side' THEN 2
      WHEN m.blocked_until > clock_timestamp() OR (coalesce(m.epoch, 0) = 0 AND b.blocked_until > clock_timestamp()) THEN 1
      ELSE 0 END)
  INTO verdict
  FROM unnest(namespaces) AS n (namespace)
  JOIN citus_migrate.ownership b ON b.unit = citus_migrate.bucket_unit(n.namespace)
  LEFT JOIN citus_migrate.ownership m ON m.unit = 'n:' || n.namespace;
  IF verdict = 2 THEN
    PERFORM citus_migrate.refuse('CM001');
  ELSIF verdict = 1 THEN
    PERFORM citus_migrate.refuse('CM002');
  END IF;
END
