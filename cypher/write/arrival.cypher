// Notes that a rank has stored and judged its rollouts of a reward call.
// Parameters: $key (run), $attempt, $rank (from 0), $call, $began (microseconds since 1970 at which the
// rank began the call, 0 where that is not known). Returns attempt, or nothing where a newer attempt has begun.
MATCH (r:Run {key: $key})
SET r.locked = true
WITH r
REMOVE r.locked
WITH r WHERE r.attempts = $attempt
SET r.arrived = r.arrived[..$rank] + [$call] + r.arrived[$rank + 1..],
    r.began = r.began[..$rank] + [$began] + r.began[$rank + 1..]
RETURN r.attempts AS attempt
