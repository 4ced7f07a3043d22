// Notes that a rank has stored and judged its rollouts of a reward call.
// Parameters: $key (run), $attempt, $rank (from 0), $call. Returns attempt, or nothing where a newer attempt has begun.
MATCH (r:Run {key: $key})
SET r.locked = true
WITH r
REMOVE r.locked
WITH r WHERE r.attempts = $attempt
SET r.arrived = r.arrived[..$rank] + [$call] + r.arrived[$rank + 1..]
RETURN r.attempts AS attempt
