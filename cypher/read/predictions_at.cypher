// The rollouts that queries had at a time, and what was last predicted for them by then.
// Parameters: $keys (queries), $at (datetime). Returns query, rollout, answer, score, model, since.
UNWIND $keys AS key
MATCH (q:Query {key: key})-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE t.created_at <= $at AND NOT coalesce(t.superseded, false)
WITH key, t, a, head(COLLECT {
  MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.created_at <= $at
  RETURN p ORDER BY p.created_at DESC, p.key LIMIT 1
}) AS p
RETURN key AS query, t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, p.score AS score, p.model AS model, p.created_at AS since
ORDER BY query, rollout
