// Queries by key, without vectors. Parameters: $keys. Returns key, text.
UNWIND $keys AS key
MATCH (q:Query {key: key})
RETURN q.key AS key, q.text AS text
