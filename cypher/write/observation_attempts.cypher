// Counts that programs were tried without a finding: the clock ended their run, or the sandbox failed. They go on waiting.
// Parameters: $keys (of answers).
UNWIND $keys AS key
MATCH (a:Answer:Unobserved {key: key})
SET a.observation_attempts = coalesce(a.observation_attempts, 0) + 1
