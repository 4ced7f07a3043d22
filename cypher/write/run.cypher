// Records a run once. Parameters: $key, $name, $policy, $config (JSON text).
MERGE (r:Run {key: $key})
ON CREATE SET r.name = $name, r.policy = $policy, r.config = $config, r.started_at = datetime()
