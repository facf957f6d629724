#variable_conflict use_column
DECLARE
  -- What is brought here from the other side is no change to bring there. On a node that joined a cluster later there
  -- is nothing to write to: whoever drains the others finds that out.
  segment bigint := CASE WHEN current_setting('citus_migrate.applying', true) = 'on' THEN NULL
                         ELSE pg_sequence_last_value(:segment) END;
  written bigint;
BEGIN
  -- Every expression costs a transaction about half a microsecond, so there are few, the most frequent ones first.
  IF segment = 1 THEN
:segment_1
  ELSIF segment = 2 THEN
:segment_2
  ELSE
    RETURN NULL;
  END IF;
  -- By the clock, not by random(): an application may have set its seed.
  IF written = 100 OR date_part('microseconds', clock_timestamp())::int % 1024 = 0 THEN
    PERFORM citus_migrate.watch_size();
  END IF;
  RETURN NULL;
END
