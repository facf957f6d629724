BEGIN
  IF EXISTS (
    SELECT FROM pg_trigger t
    JOIN pg_proc f ON f.oid = t.tgfoid AND f.pronamespace = 'citus_migrate'::regnamespace
    JOIN citus_migrate.captured k ON f.proname = 'capture_' || k.id
    CROSS JOIN unnest(k.tracked) WITH ORDINALITY AS c (name, place)
    WHERE NOT EXISTS (
      SELECT FROM pg_attribute a
      JOIN pg_attribute l ON l.attrelid = to_regclass(format('citus_migrate.log_%s_1', k.id)) AND l.attname = 'k' || c.place
      WHERE a.attrelid = t.tgrelid AND a.attname = c.name AND a.atttypid = l.atttypid AND NOT a.attisdropped)
  ) THEN
    PERFORM setval('citus_migrate.dropped', 3);
    PERFORM setval('citus_migrate.segment', 3);
    RAISE LOG 'citus_migrate: a column was changed by which changes are captured: they are no longer captured, the migration has to copy again';
  END IF;
END
