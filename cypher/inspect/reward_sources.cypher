// Where rewards came from, step by step: how many rollouts each source judged, and the mean reward it gave.
// Parameters: run and dataset (names, or null for all). Returns run, step, source, rollouts, mean_reward.
// Without rows: no training was given a reward yet.
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (t:Thinking)
WHERE t.reward_source IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
RETURN t.run AS run, t.step AS step, t.reward_source AS source, count(*) AS rollouts, avg(t.reward) AS mean_reward
ORDER BY run, step, source
