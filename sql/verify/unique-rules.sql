-- Unique rules of this side: the constraint's or index's name, its key columns (null at the place of an expression),
-- each as an expression, and the rows that it is about.
SELECT n.nspname AS schema, c.relname AS table, ic.relname AS name,
       (SELECT json_agg(a.attname ORDER BY u.position)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, position)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND u.attnum > 0
        WHERE u.position <= i.indnkeyatts) AS columns,
       (SELECT json_agg(pg_get_indexdef(i.indexrelid, p, false) ORDER BY p)
        FROM generate_series(1, i.indnkeyatts) p) AS expressions,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       -- A column of pg_index since PostgreSQL 15.
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS "nullsNotDistinct"
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND i.indisvalid AND c.relkind IN ('r', 'p')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
ORDER BY 1, 2, 3;
