-- Takes one table's log and function off this node alone. CASCADE: to triggers on shards that have moved away and are
-- not dropped yet.
DROP FUNCTION IF EXISTS :capture() CASCADE;
DROP TABLE IF EXISTS :log_1, :log_2;
