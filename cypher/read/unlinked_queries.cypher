// Queries that still wait for their similarity edges, in key order.
// Parameters: $keys (of queries to look at, or null for all), $property (of the vector).
// Returns key, text (null where the query has its vector).
MATCH (q:Query:Unlinked)
WHERE $keys IS NULL OR q.key IN $keys
RETURN q.key AS key, CASE WHEN q[$property] IS NULL THEN q.text END AS text ORDER BY key
