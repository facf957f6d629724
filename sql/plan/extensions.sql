-- Extensions, and whether something that is not an extension's own depends on a member of theirs.
SELECT x.extname AS name, n.nspname AS schema,
       EXISTS (
         SELECT FROM pg_depend m
         JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype IN ('n', 'a')
         WHERE m.refclassid = 'pg_extension'::regclass AND m.refobjid = x.oid AND m.deptype = 'e'
           AND NOT EXISTS (SELECT FROM pg_depend o
                           WHERE o.classid = d.classid AND o.objid = d.objid AND o.deptype = 'e')
           -- An array type, or another part, of a member is no user of it.
           AND NOT EXISTS (SELECT FROM pg_depend i
                           WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i'
                             AND i.refclassid IN ('pg_type'::regclass, 'pg_opfamily'::regclass, 'pg_opclass'::regclass))
           AND d.classid NOT IN ('pg_amop'::regclass, 'pg_amproc'::regclass)
       ) AS used
FROM pg_extension x
JOIN pg_namespace n ON n.oid = x.extnamespace
WHERE x.extname <> 'plpgsql'
