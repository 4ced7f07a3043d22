// The query of a rollout, and where and when it was sampled.
// Parameters: $rollout (key). Returns query (key), run, attempt, call (null outside of a training), stored (time).
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {key: $rollout})
RETURN q.key AS query, t.run AS run, t.attempt AS attempt, t.call AS call, t.created_at AS stored
