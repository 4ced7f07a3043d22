// Rollouts that a person may mean: by the beginning of their key, or of their query's key or text.
// Parameters: $text, $limit. Returns rollout, query, query_key, answer, run, step, training_reward (what a
// training was given), predicted (the newest).
CALL () {
  MATCH (t:Thinking) WHERE t.key STARTS WITH $text RETURN t
  UNION
  MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking) WHERE q.key STARTS WITH $text OR q.text STARTS WITH $text RETURN t
}
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false)
RETURN t.key AS rollout, q.text AS query, q.key AS query_key, coalesce(t.answer, a.value) AS answer, t.run AS run, t.step AS step,
       t.reward AS training_reward,
       head(COLLECT { MATCH (t)<-[:SCORES]-(p:Prediction) RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1 }) AS predicted
ORDER BY query, coalesce(step, -1) DESC, rollout LIMIT $limit
