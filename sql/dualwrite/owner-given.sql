-- Who owns :units, behind the locks of whoever is changing that.
SELECT o.owner, o.epoch::text AS epoch FROM citus_migrate.ownership o WHERE o.unit = ANY (ARRAY[:units]::text[]) FOR SHARE;
