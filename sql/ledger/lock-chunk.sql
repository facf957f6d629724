-- Begins a chunk's transaction on this node: it keeps new runs out (:lanes), and waits for earlier attempts at the
-- same chunk (:chunk), whose COMMIT may still be on its way. What the ledger says is true only behind both.
SELECT pg_advisory_xact_lock_shared(:lanes);
SELECT pg_advisory_xact_lock(:chunk);
SELECT o.run_id AS "runId" FROM citus_migrate.owner o;
