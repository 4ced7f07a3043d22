// What was predicted, when the reward was given, for the rollouts of a run's newest attempt, from a reward call on.
// Parameters: $run (key), $call. Returns call, step, query, rollout, probability; in order of call and rollout.
MATCH (r:Run {key: $run})
MATCH (t:Thinking)
WHERE t.run = r.name AND t.attempt = r.attempts AND t.call >= $call
MATCH (q:Query)-[:GENERATES_REASONING]->(t)<-[:SCORES]-(p:Prediction)
WITH q, t, p ORDER BY p.created_at
WITH q, t, collect(p.score)[0] AS probability
RETURN t.call AS call, t.step AS step, q.key AS query, t.key AS rollout, probability ORDER BY call, rollout
