-- Asks every worker through the coordinator, which reaches them whatever this program reaches.
SELECT w.nodename || ':' || w.nodeport AS node, w.nodename AS host, w.success, w.result
FROM run_command_on_workers(:'command') w
ORDER BY 1;
