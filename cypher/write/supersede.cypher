// Marks the rollouts of steps that training discards by going on from an earlier one: they stay, and count nowhere, nor do
// they stand in the index of experience.
// Only attempts since the last start at step 0 are meant; those before it went another way.
// Parameters: $key (run), $step (where it goes on). Returns superseded (how many).
MATCH (r:Run {key: $key})-[:PRODUCED]->(t:Thinking)
WHERE t.attempt >= coalesce(r.first_attempt, 1) AND t.step >= $step AND NOT coalesce(t.superseded, false)
SET t.superseded = true
REMOVE t.position
FOREACH (q IN [(q:Query)-[:GENERATES_REASONING]->(t) | q] | SET q:Changed)
RETURN count(t) AS superseded
