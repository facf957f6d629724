-- The same in any order: for a second placement, of which only the sum is compared.
COPY (:rows) TO STDOUT (FORMAT binary)
