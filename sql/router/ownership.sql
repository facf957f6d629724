-- Who takes which writes, as this side has it: what an application follows.
SELECT o.unit, o.owner, o.epoch::text AS epoch,
       CASE WHEN o.blocked_until > clock_timestamp() THEN
         CASE WHEN isfinite(o.blocked_until) THEN (extract(epoch FROM o.blocked_until) * 1000)::float8 ELSE 'infinity' END
       END AS "blockedUntil"
FROM citus_migrate.ownership o
