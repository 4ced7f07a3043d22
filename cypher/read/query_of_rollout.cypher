// The query of a rollout. Parameters: $rollout (key). Returns query (key).
MATCH (q:Query)-[:GENERATES_REASONING]->(:Thinking {key: $rollout})
RETURN q.key AS query
