// How many queries the memory holds. Returns queries.
MATCH (q:Query)
RETURN count(q) AS queries
