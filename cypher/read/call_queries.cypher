// Queries that were sampled in one reward call, by all ranks. Parameters: $run, $attempt, $call. Returns key.
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: $run, attempt: $attempt, call: $call})
RETURN DISTINCT q.key AS key ORDER BY key
