UPDATE citus_migrate.captured SET proven = :'proven' WHERE id = :id;
