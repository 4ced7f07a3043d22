// The rollouts that queries had at a time, and what was last predicted for them by then.
// Parameters: $keys (queries), $at (datetime). Returns query, rollout, answer, score, model, since.
UNWIND $keys AS key
MATCH (q:Query {key: key})-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE t.created_at <= $at AND NOT coalesce(t.superseded, false)
WITH key, t, a, head(COLLECT {
  MATCH (t)<-[:SCORES]-(l) WHERE l.kind IN ['gnn', 'vote'] AND l.created_at <= $at
  RETURN l ORDER BY l.created_at DESC, l.key LIMIT 1
}) AS l
RETURN key AS query, t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, l.score AS score, l.model AS model, l.created_at AS since
ORDER BY query, rollout
