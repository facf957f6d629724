-- Which capture this is: another one after it was installed anew, or for more tables.
SELECT md5(concat_ws(' ', c.installed_at, (SELECT string_agg(concat_ws(' ', k.id, k.table_name, k.since), ',' ORDER BY k.id)
                                           FROM citus_migrate.captured k))) AS mark
FROM citus_migrate.capture c;
