// Where rollouts belong. Parameters: $keys (rollouts). Returns rollout, answer (the one that stands for all equal ones),
// query; nothing for keys that are not there.
UNWIND $keys AS key
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {key: key})-[:LEADS_TO]->(a:Answer)
RETURN t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, q.key AS query
