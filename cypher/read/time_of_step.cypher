// When a run had finished a step: just before the first rollout of a later one was stored, else now.
// Parameters: $run (key), $step. Returns until, sampled (rollouts of that step), first, last (steps that there are).
MATCH (r:Run {key: $run})
OPTIONAL MATCH (r)-[:PRODUCED]->(t:Thinking) WHERE t.step IS NOT NULL AND NOT coalesce(t.superseded, false)
RETURN coalesce(min(CASE WHEN t.step > $step THEN t.created_at END) - duration({microseconds: 1}), datetime()) AS until,
       count(CASE WHEN t.step = $step THEN 1 END) AS sampled, min(t.step) AS first, max(t.step) AS last
