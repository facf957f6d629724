-- The operator by which a foreign key to these columns (schema, table, column) compares, where it is not pg_catalog's:
-- equality of the default btree operator class of the column's type.
SELECT n.nspname AS schema, c.relname AS name, a.attname AS "column",
       format('OPERATOR(%I.%s)', op_ns.nspname, o.oprname) AS operator
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_opclass oc ON oc.opcintype = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AND oc.opcdefault
JOIN pg_am am ON am.oid = oc.opcmethod AND am.amname = 'btree'
JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
               AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
JOIN pg_operator o ON o.oid = ao.amopopr
JOIN pg_namespace op_ns ON op_ns.oid = o.oprnamespace
WHERE (n.nspname, c.relname, a.attname) IN (:columns)
  AND op_ns.nspname <> 'pg_catalog';
