#variable_conflict use_column
DECLARE
  segment bigint := pg_sequence_last_value(:segment);
  written bigint;
BEGIN
  -- What is brought here from the other side is no change to bring there. On a node that joined a cluster later
  -- there is nothing to write to: whoever drains the others finds that out.
  IF current_setting('citus_migrate.applying', true) = 'on' OR segment IS NULL THEN
    RETURN NULL;
  END IF;
  IF pg_sequence_last_value('citus_migrate.dropped'::regclass) > 1 THEN
    RETURN NULL;
  END IF;
  -- The first rows one by one, which is cheapest for few; the rest in arrays, which is cheapest for many.
  IF TG_OP = 'INSERT' THEN
    IF segment = 1 THEN
:insert_1
    ELSE
:insert_2
    END IF;
  ELSIF TG_OP = 'UPDATE' THEN
    IF segment = 1 THEN
:update_1
    ELSE
:update_2
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    IF segment = 1 THEN
:delete_1
    ELSE
:delete_2
    END IF;
  ELSE
    INSERT INTO citus_migrate.truncation (xid, at, table_id) VALUES (pg_current_xact_id(), clock_timestamp(), :id);
  END IF;
  -- By the clock, not by random(): an application may have set its seed.
  IF written = 100 OR date_part('microseconds', clock_timestamp())::int % 128 = 0 THEN
    PERFORM citus_migrate.watch_size();
  END IF;
  RETURN NULL;
END
