-- The same statement on every active worker, by way of the coordinator: workers need not be reachable from here.
SELECT w.nodename || ':' || w.nodeport AS node, w.success, w.result
FROM run_command_on_workers(:'statement') w;
