-- Bytes of this database on this node, as JSON text: it runs on workers, too.
SELECT to_json(pg_database_size(current_database()))::text AS bytes;
