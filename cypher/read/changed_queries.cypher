// Keys of queries that changed since a number of changes, of some data sets and with rollouts of some runs.
// Parameters: $since (the number), $datasets, $runs (lists of names, or null for all). Returns key.
CALL () {
  MATCH (q:Query) WHERE q.changed > $since RETURN q
  UNION
  MATCH (q:Changed) RETURN q
}
WITH q
WHERE ($datasets IS NULL OR q.dataset IN $datasets)
  AND ($runs IS NULL OR EXISTS { MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run IN $runs })
RETURN q.key AS key ORDER BY key
