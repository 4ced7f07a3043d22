// What was predicted, when the reward was given, for the rollouts of a run's newest attempt, from a reward call on.
// Parameters: $run (key), $call. Returns call, step, query, rollout, probability; in order of call and rollout.
MATCH (r:Run {key: $run})
MATCH (t:Thinking)
WHERE t.run = r.name AND t.attempt = r.attempts AND t.call >= $call
MATCH (q:Query)-[:GENERATES_REASONING]->(t)<-[:SCORES]-(l:Label)
WHERE l.kind IN ['gnn', 'vote']
WITH q, t, l ORDER BY l.created_at
WITH q, t, collect(l.score)[0] AS probability
RETURN t.call AS call, t.step AS step, q.key AS query, t.key AS rollout, probability ORDER BY call, rollout
