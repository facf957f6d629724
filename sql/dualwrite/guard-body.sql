-- Whether writes to these buckets are this side's to take: raises if not, and returns whether some of their namespaces
-- go by their own names. 101 stands for writes of which nobody knows the namespace: then everything has to be here.
DECLARE
  everything boolean := :any_lock = ANY (buckets);
  granted boolean;
  others bigint;
  blocked bigint;
  names bigint;
  known bigint;
BEGIN
  IF cardinality(buckets) = 1 THEN
    granted := pg_try_advisory_xact_lock_shared(:lock_class, buckets[1]);
  ELSE
    SELECT bool_and(pg_try_advisory_xact_lock_shared(:lock_class, n)) INTO granted FROM unnest(buckets) AS n;
  END IF;
  LOOP
    -- Behind the lock: READ COMMITTED sees what is committed by now; for others this fails if that is newer than they
    -- can see.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      PERFORM FROM citus_migrate.ownership o
      WHERE everything OR o.lock = ANY (buckets) OR (o.lock = 100 AND :via_lock = ANY (buckets))
      ORDER BY o.unit FOR SHARE;
    END IF;
    IF everything THEN
      SELECT count(*) FILTER (WHERE o.owner <> :'side' AND (o.unit NOT LIKE 'n:%' OR o.epoch > 0)),
             count(*) FILTER (WHERE o.blocked_until > clock_timestamp()), 0,
             count(*) FILTER (WHERE o.unit NOT LIKE 'n:%') - 101
      INTO others, blocked, names, known FROM citus_migrate.ownership o;
    ELSE
      SELECT count(*) FILTER (WHERE o.owner <> :'side' AND o.unit NOT LIKE 'n:%'),
             count(*) FILTER (WHERE o.blocked_until > clock_timestamp() AND o.unit NOT LIKE 'n:%'),
             count(*) FILTER (WHERE o.unit LIKE 'n:%' AND (o.epoch > 0 OR o.blocked_until > clock_timestamp())),
             count(*) FILTER (WHERE o.unit NOT LIKE 'n:%') - cardinality(array_remove(buckets, :via_lock))
      INTO others, blocked, names, known FROM citus_migrate.ownership o WHERE o.lock = ANY (buckets);
    END IF;
    IF known <> 0 OR (others > 0 AND names = 0) THEN
      PERFORM citus_migrate.refuse('CM001');
    ELSIF blocked > 0 AND names = 0 THEN
      PERFORM citus_migrate.refuse('CM002');
    END IF;
    EXIT WHEN granted;
    -- Somebody decides right now about a unit with the same lock: a matter of milliseconds.
    PERFORM pg_advisory_xact_lock_shared(:lock_class, n) FROM (SELECT n FROM unnest(buckets) AS n ORDER BY n) AS b (n);
    granted := true;
  END LOOP;
  RETURN names > 0;
END
