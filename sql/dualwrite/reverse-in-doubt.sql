-- Distributed transactions that stand between this node and one moment of all: prepared, and not decided on this node
-- while they may be on another. Whoever writes keeps its lock on the table until the last node has committed, so behind
-- a lock that keeps writers out, one that has logged a change has lost whoever would decide it, however young it is.
SELECT count(*)::int AS transactions
FROM pg_prepared_xacts p
WHERE p.gid LIKE 'citus\_%' AND p.database = current_database()
  AND (p.prepared < clock_timestamp() - interval '1 second' OR EXISTS (
    -- A prepared transaction has no process; what it holds goes by the number under which it holds its own id.
    SELECT FROM pg_locks own
    JOIN pg_locks held ON held.virtualtransaction = own.virtualtransaction AND held.pid IS NULL AND held.locktype = 'relation'
    JOIN pg_class c ON c.oid = held.relation AND c.relnamespace = to_regnamespace('citus_migrate')
    WHERE own.locktype = 'transactionid' AND own.transactionid = p.transaction AND own.pid IS NULL));
