COPY (SELECT * FROM (:rows) AS z ORDER BY :order) TO STDOUT (FORMAT binary)
