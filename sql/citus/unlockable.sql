-- Which of these tables this role may not lock in SHARE mode: that takes more than the right to read.
SELECT n.nspname AS schema, c.relname AS name, current_user AS role
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (n.nspname, c.relname) IN (:tables) AND NOT has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
ORDER BY 1, 2;
