// Queries that still wait for their similarity edges, in key order. Returns key.
MATCH (q:Query:Unlinked)
RETURN q.key AS key ORDER BY key
