-- Whether the log is archived, without which a restore point leads nowhere.
SELECT current_setting('archive_mode') <> 'off' AS archives,
       a.last_failed_time IS NOT NULL AND a.last_failed_time > coalesce(a.last_archived_time, '-infinity') AS failing
FROM pg_stat_archiver a;
