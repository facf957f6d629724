BEGIN
  IF state = 'CM001' THEN
    RAISE SQLSTATE 'CM001' USING MESSAGE = 'the ' || :'side' || ' does not take these writes: the other side does',
      HINT = 'Read again in citus_migrate.ownership of both sides who owns them: the higher epoch counts.';
  END IF;
  RAISE SQLSTATE 'CM002' USING MESSAGE = 'these writes are moving to another side: nobody takes them for a moment',
    HINT = 'Repeat the transaction in a moment, where they belong then.';
END
