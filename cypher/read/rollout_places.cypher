// Where rollouts belong. Parameters: $keys (rollouts). Returns rollout, answer, query; nothing for keys that are not there.
UNWIND $keys AS key
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {key: key})-[:LEADS_TO]->(a:Answer)
RETURN t.key AS rollout, a.key AS answer, q.key AS query
