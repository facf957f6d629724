-- Pins what changes the text or the set of rows that a session sees. Settings that this server does not know are
-- passed over; row_security=off makes a policy raise instead of hiding rows.
SELECT set_config(s.name, s.value, false)
FROM (VALUES
  ('search_path', 'pg_catalog'),
  ('client_encoding', 'UTF8'),
  ('DateStyle', 'ISO, YMD'),
  ('IntervalStyle', 'postgres'),
  ('TimeZone', 'UTC'),
  ('extra_float_digits', '3'),
  ('bytea_output', 'hex'),
  ('xmloption', 'content'),
  ('lc_monetary', 'C'),
  ('quote_all_identifiers', 'off'),
  ('standard_conforming_strings', 'on'),
  ('row_security', 'off'),
  ('statement_timeout', '0'),
  ('lock_timeout', '0'),
  ('transaction_timeout', '0'),
  ('idle_in_transaction_session_timeout', '0'),
  ('idle_session_timeout', '0'),
  -- A client that has gone is noticed within seconds while a statement runs, and within two minutes otherwise.
  ('client_connection_check_interval', '5s'),
  ('tcp_keepalives_idle', '60'),
  ('tcp_keepalives_interval', '10'),
  ('tcp_keepalives_count', '6'),
  ('synchronize_seqscans', 'off'),
  ('jit', 'off'),
  -- What one node decides or has got is told to others at once: a crash of its server may not take it back.
  ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'local' END),
  ('default_transaction_read_only', :'read_only')
) AS s (name, value)
WHERE s.value IS NOT NULL AND pg_catalog.current_setting(s.name, true) IS NOT NULL;
