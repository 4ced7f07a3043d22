// Starts an attempt of a run; callers take turns. Ranks are the processes that train together.
// Parameters: $key, $name, $policy, $fresh (whether it starts at step 0), $ranks (how many).
// Returns attempt (from 1).
MERGE (r:Run {key: $key})
ON CREATE SET r.name = $name, r.policy = $policy, r.started_at = datetime()
SET r.locked = true
WITH r
SET r.attempts = coalesce(r.attempts, 0) + 1, r.arrived = [rank IN range(1, $ranks) | -1],
    r.began = [rank IN range(1, $ranks) | 0]
SET r.first_attempt = CASE WHEN $fresh THEN r.attempts ELSE coalesce(r.first_attempt, 1) END
REMOVE r.locked
RETURN r.attempts AS attempt
