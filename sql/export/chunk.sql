-- Rows of one part of a table whose place lies in a range of pages: PostgreSQL reads just those pages.
COPY (SELECT :columns :from WHERE t.ctid >= :'first'::tid AND t.ctid < :'last'::tid) TO STDOUT (FORMAT :format)
