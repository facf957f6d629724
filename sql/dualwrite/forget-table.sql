DROP FUNCTION IF EXISTS :capture();
DROP TABLE IF EXISTS :log_1, :log_2;
DELETE FROM citus_migrate.captured WHERE id = :id;
