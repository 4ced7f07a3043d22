// What a training run was given for a rollout.
// Parameters: $rollout (key). Returns reward (null where it was given none), source, reason, run, step, or nothing where no training asked.
MATCH (t:Thinking {key: $rollout})
WHERE t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL
RETURN t.reward AS reward, t.reward_source AS source, t.reward_reason AS reason, t.run AS run, t.step AS step
