// The queries whose neighbours were searched longest ago. Parameters: $limit. Returns key.
MATCH (q:Query)
WHERE q.linked_at IS NOT NULL
RETURN q.key AS key ORDER BY q.linked_at LIMIT $limit
