// Queries that still wait for their similarity edges, in key order; not those that wait for their vectors.
// Parameters: $keys (of queries to look at, or null for all). Returns key.
MATCH (q:Query:Unlinked)
WHERE NOT q:Unembedded AND ($keys IS NULL OR q.key IN $keys)
RETURN q.key AS key ORDER BY key
