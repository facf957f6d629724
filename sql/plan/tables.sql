-- Tables, partitioned tables and partitions.
SELECT n.nspname AS schema, c.relname AS name,
       CASE WHEN c.relispartition THEN 'partition' WHEN c.relkind = 'p' THEN 'partitioned' ELSE 'table' END AS kind,
       c.relpersistence = 'u' AS unlogged,
       pg_get_partkeydef(c.oid) AS "partitionBy",
       CASE WHEN c.relispartition
            THEN (SELECT json_build_object('schema', pn.nspname, 'name', pc.relname,
                                           'bound', pg_get_expr(c.relpartbound, c.oid))
                  FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
                  JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhrelid = c.oid) END AS "partitionOf",
       CASE WHEN c.relispartition THEN '[]'::json
            ELSE coalesce((SELECT json_agg(json_build_object('schema', pn.nspname, 'name', pc.relname) ORDER BY i.inhseqno)
                           FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
                           JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhrelid = c.oid), '[]') END AS inherits,
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS "hasHeirs",
       pg_get_userbyid(c.relowner) AS owner,
       c.relrowsecurity AS "rowSecurityEnabled", c.relforcerowsecurity AS "rowSecurityForced",
       to_json(coalesce(c.reloptions, '{}')
         || coalesce((SELECT array_agg('toast.' || o) FROM pg_class t, unnest(t.reloptions) o
                      WHERE t.oid = c.reltoastrelid), '{}')) AS options,
       CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN 'INDEX' END AS "replicaIdentity",
       (SELECT ic.relname FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisreplident) AS "replicaIndex",
       -- A column without a value of its own is not listed; a statistics target of -1 (from PostgreSQL 17 on, NULL) is none.
       (SELECT json_agg(s ORDER BY s.column COLLATE "C") FROM (
          SELECT a.attname AS "column",
                 CASE WHEN a.attstorage <> ty.typstorage
                      THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                                             ELSE 'EXTENDED' END END AS storage,
                 CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
                 CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::int END AS statistics
          FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND (a.attstorage <> ty.typstorage OR a.attcompression <> '' OR a.attstattarget >= 0)) s) AS settings
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'citus_migrate')
  AND NOT EXISTS (SELECT FROM pg_depend e
                  WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
