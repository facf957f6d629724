-- What target_session_attrs asks about, before the session's own settings are pinned.
SELECT pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('default_transaction_read_only')::bool AS "readOnly";
