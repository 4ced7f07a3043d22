// Queries that lack a vector, in the order of their keys.
// Parameters: $property (of the vector), $after (key), $limit. Returns key, label, text.
MATCH (q:Query)
WHERE q.key > $after AND q[$property] IS NULL
RETURN q.key AS key, 'Query' AS label, q.text AS text ORDER BY q.key LIMIT $limit
