-- The same rows every time: everything follows from the row's number. Namespaces are skewed.
INSERT INTO events
SELECT
  row,
  'team-' || lpad(floor(200 * power((hashint8(row::bigint)::bigint & 2147483647) / 2147483648.0, 2))::text, 4, '0'),
  (ARRAY['created', 'read', 'changed', 'removed'])[1 + (hashint8(row::bigint + 1)::bigint & 3)],
  ((row::bigint * 7919) % 1000003)::int,
  timestamptz '2024-01-01 00:00 UTC' + row * interval '31 seconds'
FROM generate_series(1, :rows) AS row;
