-- Sends writers to a segment. Whoever drops capture at this moment says so first and turns writers away after that, so
-- that one of the two looks sees it, and nobody is sent back to writing.
SELECT setval('citus_migrate.segment', :segment);
SELECT setval('citus_migrate.segment', 3) WHERE pg_sequence_last_value('citus_migrate.dropped'::regclass) > 1;
