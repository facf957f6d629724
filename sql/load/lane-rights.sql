-- What the role lacks to keep the ledger of a lane on this node; null when nothing.
SELECT current_user::text AS role,
       CASE
         WHEN s.oid IS NULL AND NOT has_database_privilege(d.name, 'CREATE')
           THEN 'CREATE on database ' || d.name
         WHEN NOT has_schema_privilege(s.oid, 'USAGE') OR (l.oid IS NULL OR o.oid IS NULL) AND NOT has_schema_privilege(s.oid, 'CREATE')
           THEN 'USAGE and CREATE on schema citus_migrate'
         WHEN NOT has_table_privilege(l.oid, 'SELECT') OR NOT has_table_privilege(l.oid, 'INSERT') OR NOT has_table_privilege(l.oid, 'DELETE')
           THEN 'SELECT, INSERT and DELETE on table citus_migrate.lane'
         WHEN NOT has_table_privilege(o.oid, 'SELECT') OR NOT has_table_privilege(o.oid, 'INSERT') OR NOT has_table_privilege(o.oid, 'UPDATE')
           THEN 'SELECT, INSERT and UPDATE on table citus_migrate.owner'
       END AS missing
FROM (SELECT current_database()::text AS name) d,
     (SELECT to_regnamespace('citus_migrate')::oid AS oid) s,
     (SELECT to_regclass('citus_migrate.lane')::oid AS oid) l,
     (SELECT to_regclass('citus_migrate.owner')::oid AS oid) o;
