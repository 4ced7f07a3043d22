// Keeps the settings of a training with its run, those of the newest attempt.
// Parameters: $key, $name, $policy, $config (JSON text).
MERGE (r:Run {key: $key})
ON CREATE SET r.name = $name, r.policy = $policy, r.started_at = datetime()
SET r.config = $config
