-- What some relations are made of, one row per part, in words that are the same for a table and for its shards: names
-- that Citus gives to the parts of a shard are left out. :relations: (schema, name, label) rows.
WITH wanted (schema, name, label) AS (VALUES :relations), relation AS (
  SELECT w.label, c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.relacl
  FROM wanted w
  JOIN pg_namespace n ON n.nspname = w.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
)
SELECT r.label, 'table' AS kind, NULL AS name, 'exists' AS definition
FROM relation r
UNION ALL
SELECT r.label, 'column', a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                 CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
                 CASE WHEN a.attgenerated <> '' THEN 'GENERATED ' || pg_get_expr(d.adbin, d.adrelid)
                      -- Ids come from the table's sequence on every node; its shards have no default for them.
                      WHEN d.adbin IS NOT NULL AND pg_get_expr(d.adbin, d.adrelid) !~ 'nextval\('
                      THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END)
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT r.label, 'index', ic.relname,
       concat_ws(' ', CASE WHEN i.indisprimary THEN 'PRIMARY KEY' WHEN i.indisunique THEN 'UNIQUE' END,
                 substring(pg_get_indexdef(i.indexrelid) FROM length(p.prefix) + 1),
                 CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'INVALID' END)
FROM relation r
JOIN pg_index i ON i.indrelid = r.oid
JOIN pg_class ic ON ic.oid = i.indexrelid
CROSS JOIN LATERAL (
  SELECT format('CREATE %sINDEX %I ON %s%s USING ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, ic.relname,
                CASE WHEN ic.relkind = 'I' THEN 'ONLY ' ELSE '' END, r.oid::regclass) AS prefix
) p
UNION ALL
SELECT r.label, 'check', k.conname, pg_get_constraintdef(k.oid)
FROM relation r
JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'x')
UNION ALL
SELECT r.label, 'foreign key', k.conname,
       concat_ws(' ', format('(%s) REFERENCES %s (%s)', cols.own, coalesce(shard.table, k.confrelid::regclass::text), cols.other),
                 CASE k.confmatchtype WHEN 'f' THEN 'MATCH FULL' END, k.confupdtype, k.confdeltype,
                 CASE WHEN k.condeferrable THEN 'DEFERRABLE' END, CASE WHEN k.condeferred THEN 'INITIALLY DEFERRED' END,
                 CASE WHEN NOT k.convalidated THEN 'NOT VALID' END)
FROM relation r
JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'f'
CROSS JOIN LATERAL (
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.position) AS own,
         string_agg(quote_ident(f.attname), ', ' ORDER BY u.position) AS other
  FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (own, other, position)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own
  JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.other
) cols
LEFT JOIN LATERAL (
  -- On a shard the key refers to a shard.
  SELECT s.logicalrelid::regclass::text AS table
  FROM pg_class f
  JOIN pg_dist_shard s ON s.shardid = substring(f.relname FROM '_(\d{1,18})$')::bigint
  JOIN pg_class l ON l.oid = s.logicalrelid AND l.relnamespace = f.relnamespace
  CROSS JOIN LATERAL parse_ident(shard_name(s.logicalrelid, s.shardid)) part
  WHERE f.oid = k.confrelid AND part[array_upper(part, 1)] = f.relname
) shard ON true
UNION ALL
SELECT r.label, 'row-level security', NULL,
       concat_ws(', ', CASE WHEN r.relrowsecurity THEN 'enabled' ELSE 'off' END, CASE WHEN r.relforcerowsecurity THEN 'forced' END)
FROM relation r
UNION ALL
SELECT r.label, 'policy', p.polname,
       concat_ws(' ', p.polcmd, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                 (SELECT string_agg(CASE WHEN o = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o) END, ',' ORDER BY 1) FROM unnest(p.polroles) o),
                 'USING ' || pg_get_expr(p.polqual, p.polrelid), 'CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid))
FROM relation r
JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT r.label, 'privilege', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END,
       x.privilege_type || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM relation r
CROSS JOIN LATERAL aclexplode(r.relacl) x
WHERE x.grantee <> r.relowner
UNION ALL
SELECT r.label, 'privilege', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END,
       format('%s (%I)%s', x.privilege_type, a.attname, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND NOT a.attisdropped
CROSS JOIN LATERAL aclexplode(a.attacl) x
WHERE x.grantee <> r.relowner;
