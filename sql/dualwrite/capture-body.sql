#variable_conflict use_column
DECLARE
  -- What is brought here from the other side is no change to bring there. On a node that joined a cluster later there
  -- is nothing to write to.
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
    -- Such a node keeps a mark, with the change and only with it, whatever becomes of the shard. A reference table
    -- needs none: other nodes have captured the same change.
    IF segment IS NULL AND current_setting('citus_migrate.applying', true) IS DISTINCT FROM 'on' THEN
      IF to_regclass('citus_migrate.unseen') IS NULL AND NOT EXISTS (
        SELECT FROM pg_dist_shard s JOIN pg_dist_partition p USING (logicalrelid)
        WHERE p.repmodel = 't' AND s.shardid = substring(TG_TABLE_NAME FROM '_(\d+)$')::bigint) THEN
        BEGIN
          CREATE TABLE citus_migrate.unseen ();
        EXCEPTION WHEN duplicate_table OR unique_violation THEN
          -- Another transaction has just left it.
        END;
      END IF;
    END IF;
    RETURN NULL;
  END IF;
  -- By the clock, not by random(): an application may have set its seed.
  IF written = 100 OR date_part('microseconds', clock_timestamp())::int % 1024 = 0 THEN
    PERFORM citus_migrate.watch_size();
  END IF;
  RETURN NULL;
END
