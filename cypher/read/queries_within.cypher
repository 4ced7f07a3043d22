// Keys of queries, of some data sets and with rollouts of some runs. Parameters: $datasets, $runs (lists of names, or null for all).
// Returns key.
MATCH (q:Query)
WHERE ($datasets IS NULL OR q.dataset IN $datasets)
  AND ($runs IS NULL OR EXISTS { MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run IN $runs })
RETURN q.key AS key ORDER BY key
