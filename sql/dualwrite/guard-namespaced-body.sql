#variable_conflict use_column
DECLARE
  -- Locks that this transaction has: what they stand for cannot have moved since it was looked at.
  held int[] := nullif(current_setting('citus_migrate.held', true), '')::int[];
  buckets int[];
  namespaces text[];
  first int;
  last int;
  alone boolean;
BEGIN
  IF current_setting('citus_migrate.applying', true) = 'on' THEN
    RETURN NULL;
  END IF;
:before
:alone
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT coalesce(:bucket, :any_lock)) INTO buckets FROM new_rows AS t:joins;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(DISTINCT b) INTO buckets
    FROM (SELECT coalesce(:bucket, :any_lock) FROM new_rows AS t:joins
          UNION ALL SELECT :bucket FROM old_rows AS t:joins) AS x (b)
    WHERE b IS NOT NULL;
  ELSE
    SELECT array_agg(DISTINCT :bucket) INTO buckets FROM old_rows AS t:joins WHERE :namespace IS NOT NULL;
  END IF;
  IF buckets IS NULL THEN
    RETURN NULL;
  END IF;
:more
  IF buckets <@ held THEN
    RETURN NULL;
  END IF;
  IF citus_migrate.guard(buckets) THEN
    IF TG_OP = 'INSERT' THEN
      SELECT array_agg(DISTINCT (:namespace)::text) INTO namespaces FROM new_rows AS t:joins;
    ELSIF TG_OP = 'UPDATE' THEN
      SELECT array_agg(DISTINCT n::text) INTO namespaces
      FROM (SELECT :namespace FROM new_rows AS t:joins UNION ALL SELECT :namespace FROM old_rows AS t:joins) AS x (n);
    ELSE
      SELECT array_agg(DISTINCT (:namespace)::text) INTO namespaces FROM old_rows AS t:joins;
    END IF;
    PERFORM citus_migrate.guard_names(namespaces);
  ELSE
    PERFORM set_config('citus_migrate.held', (held || buckets)::text, true);
  END IF;
  RETURN NULL;
END
