-- What weighs on this node, as JSON text: it runs on workers, too, through run_command_on_workers. Standbys are those
-- that replay; subscribers, base backups and pg_receivewal do not. Backends of this run (:mine matches their
-- application_name) are not counted as active.
SELECT json_build_object(
  'mayRead', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  'lsn', here.lsn,
  'standbys', (
    SELECT coalesce(json_agg(json_build_object(
      'standby', r.application_name,
      'replayed', r.replay_lsn,
      'behindBytes', greatest(0, pg_wal_lsn_diff(here.lsn, r.replay_lsn)),
      'lagMs', coalesce(extract(epoch FROM r.replay_lag) * 1000, 0))), '[]')
    FROM pg_stat_replication r
    WHERE r.replay_lsn IS NOT NULL AND r.state <> 'backup'
      AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')),
  'active', (
    SELECT count(*) FROM pg_stat_activity a
    WHERE a.state = 'active' AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
      AND a.application_name !~ :'mine')
)::text AS burden
FROM (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) AS here;
