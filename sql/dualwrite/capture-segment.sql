    IF TG_OP = 'UPDATE' THEN
:update
    ELSIF TG_OP = 'INSERT' THEN
:insert
    ELSIF TG_OP = 'DELETE' THEN
:delete
    ELSE
      INSERT INTO citus_migrate.truncation (xid, at, table_id) VALUES (pg_current_xact_id(), clock_timestamp(), :id);
    END IF;
