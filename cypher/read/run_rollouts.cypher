// What a run sampled, from a step on; rollouts of discarded steps count nowhere.
// Parameters: $run (name), $step (or null for all, those without a step included).
// Returns query, rollout, answer (keys), reward (what the trainer got), predicted (the newest score of a reward model).
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: $run})-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND ($step IS NULL OR t.step >= $step)
RETURN q.key AS query, t.key AS rollout, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, t.reward AS reward,
       head(COLLECT {
         MATCH (t)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) RETURN p.score ORDER BY p.created_at DESC LIMIT 1
       }) AS predicted
