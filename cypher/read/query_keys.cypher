// Keys of all queries, or of those in given data sets. Parameters: $datasets (or null). Returns key.
MATCH (q:Query)
WHERE $datasets IS NULL OR q.dataset IN $datasets
RETURN q.key AS key ORDER BY key
