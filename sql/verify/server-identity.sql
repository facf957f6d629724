-- What tells a server's transactions apart from another's: a copy of it and a restored one have other histories.
SELECT s.system_identifier::text || '/' || c.timeline_id || '/' || d.oid AS identity
FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d
WHERE d.datname = current_database();
