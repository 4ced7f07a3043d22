// Starts an attempt of a run. Rollouts of steps that a resumed run discards are marked superseded and count nowhere.
// Parameters: $key, $name, $policy, $config, $resume_step (null when starting afresh). Returns attempt (from 1).
MERGE (r:Run {key: $key})
ON CREATE SET r.name = $name, r.policy = $policy, r.config = $config, r.started_at = datetime(), r.attempts = 0
SET r.attempts = coalesce(r.attempts, 0) + 1
WITH r
CALL (r) {
  MATCH (r)-[:PRODUCED]->(t:Thinking)
  WHERE $resume_step IS NOT NULL AND t.attempt < r.attempts AND t.step >= $resume_step
  SET t.superseded = true
}
RETURN r.attempts AS attempt
