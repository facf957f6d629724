-- Memory that is available to a node and its processors, where it runs on Linux; limits of its container go before
-- the machine's. Needs the right to read files of the server.
SELECT json_strip_nulls(json_build_object(
  'availableBytes', least((regexp_match(f.meminfo, 'MemAvailable:\s+(\d+) kB'))[1]::float8 * 1024,
                          substring(f.memory_max FROM '^\d+')::float8),
  'cpus', nullif(least((SELECT count(*) FROM regexp_matches(f.cpuinfo, '^processor', 'gn')),
                       ceil((regexp_match(f.cpu_max, '^(\d+) (\d+)'))[1]::float8
                            / (regexp_match(f.cpu_max, '^(\d+) (\d+)'))[2]::float8)), 0)
)) AS result
FROM (SELECT pg_read_file('/proc/meminfo', 0, 65536, true) AS meminfo,
             pg_read_file('/proc/cpuinfo', 0, 16777216, true) AS cpuinfo,
             pg_read_file('/sys/fs/cgroup/memory.max', 0, 64, true) AS memory_max,
             pg_read_file('/sys/fs/cgroup/cpu.max', 0, 64, true) AS cpu_max) f;
