// The rollouts of queries, where they were sampled, and what was last predicted for them: by one model, and by any.
// Parameters: $keys (queries), $model (key).
// Returns query, rollout, answer (the one that stands for all equal ones), run, attempt, call (null where no reward call sampled it),
// own ([prediction, score] by the model, or null), newest ([model, score], or null).
UNWIND $keys AS key
MATCH (q:Query {key: key})-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false)
WITH key, t, a, COLLECT { MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p ORDER BY p.created_at DESC, p.key } AS scores
RETURN key AS query, t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, t.run AS run, t.attempt AS attempt, t.call AS call,
       head([p IN scores WHERE p.model = $model | [p.key, p.score]]) AS own, head([p IN scores | [p.model, p.score]]) AS newest
ORDER BY query, rollout
