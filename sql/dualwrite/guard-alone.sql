  -- Most statements write to one bucket, and most of those find it here and at rest: what guard() looks for, at less
  -- than half of its cost. Whatever else is found is looked at again there.
  IF TG_OP = 'UPDATE' THEN
    SELECT min(b), max(b) INTO first, last
    FROM (SELECT coalesce(:bucket, :any_lock) FROM new_rows AS t UNION ALL SELECT :bucket FROM old_rows AS t) AS x (b);
  ELSIF TG_OP = 'INSERT' THEN
    SELECT min(b), max(b) INTO first, last FROM (SELECT coalesce(:bucket, :any_lock) FROM new_rows AS t) AS x (b);
  ELSE
    SELECT min(b), max(b) INTO first, last FROM (SELECT :bucket FROM old_rows AS t) AS x (b);
  END IF;
  IF first = last AND first <> :any_lock THEN
    IF first = ANY (held) THEN
      RETURN NULL;
    END IF;
    IF pg_try_advisory_xact_lock_shared(:lock_class, first)
       AND current_setting('transaction_isolation') = 'read committed' THEN
      -- Behind the lock, as in guard(). 1: the bucket is ours, and no name of it goes by itself.
      SELECT min(CASE WHEN o.blocked_until > clock_timestamp() THEN 0
                      WHEN o.unit LIKE 'n:%' THEN CASE o.epoch WHEN 0 THEN 2 ELSE 0 END
                      ELSE CASE o.owner WHEN :'side' THEN 1 ELSE 0 END END) = 1
      INTO alone FROM citus_migrate.ownership o WHERE o.lock = first;
      IF alone THEN
        -- An assignment, for PERFORM would cost a query.
        alone := set_config('citus_migrate.held', (held || first)::text, true) IS NULL;
        RETURN NULL;
      END IF;
    END IF;
  ELSIF first IS NULL THEN
    RETURN NULL;
  END IF;
