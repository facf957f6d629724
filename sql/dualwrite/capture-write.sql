      -- The first rows one by one, which is cheapest for few; the rest in arrays, which is cheapest for many.
      INSERT INTO :log (xid, at, :names)
      SELECT pg_current_xact_id(), clock_timestamp(), :names FROM (:rows) r LIMIT 100;
      GET DIAGNOSTICS written = ROW_COUNT;
      IF written = 100 THEN
        -- One list holds some megabytes at most; numbering rows for several lists costs as much as collecting them.
        IF (SELECT count(*) FROM (:rows) r) <= 200000 THEN
          INSERT INTO :log (xid, at, :lists)
          SELECT pg_current_xact_id(), clock_timestamp(), :aggregates
          FROM (SELECT * FROM (:rows) r OFFSET 100) r
          HAVING count(*) > 0;
        ELSE
          INSERT INTO :log (xid, at, :lists)
          SELECT pg_current_xact_id(), clock_timestamp(), :aggregates
          FROM (SELECT r.*, (row_number() OVER ()) / 10000 AS part FROM (SELECT * FROM (:rows) r OFFSET 100) r) r
          GROUP BY part;
        END IF;
      END IF;
