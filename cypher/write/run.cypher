// Records a run once. Parameters: $key, $name, $started (when it began, null for now).
// Returns started_at.
MERGE (r:Run {key: $key})
ON CREATE SET r.name = $name, r.policy = '', r.started_at = coalesce($started, datetime())
RETURN r.started_at AS started_at
