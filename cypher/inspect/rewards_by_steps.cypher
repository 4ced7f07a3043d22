// Where did the rewards of the newest training runs come from? Their steps in at most 20 parts, by source.
// Parameters: run (name; null for the six newest with rewards), dataset (name, or null for all).
// Returns run, first and last (step), source, rollouts, mean_reward, unanswered (rollouts that state no answer).
// Without rows: no training was given a reward yet.
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (t:Thinking)
WHERE (t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL) AND NOT coalesce(t.superseded, false)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
WITH given, t.run AS run, coalesce(min(t.step), 0) AS from, coalesce(max(t.step), 0) AS to, max(t.created_at) AS newest
ORDER BY newest DESC, run LIMIT 6
CALL (run, from, to, given) {
  MATCH (t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE t.run = run AND (t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL) AND NOT coalesce(t.superseded, false)
    AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
  WITH t, a, to - from + 1 AS steps
  WITH t, a, steps, (coalesce(t.step, from) - from) * 20 / steps AS part
  // a part begins and ends with the same step for all sources: ceil(part * steps / 20)
  RETURN part, from + (part * steps + 19) / 20 AS first, from + ((part + 1) * steps + 19) / 20 - 1 AS last,
         CASE WHEN t.reward IS NULL THEN 'no reward' ELSE coalesce(t.reward_source, 'unknown') END AS source,
         count(t) AS rollouts, avg(t.reward) AS mean_reward, sum(CASE WHEN a.valid THEN 0 ELSE 1 END) AS unanswered
}
RETURN run, first, last, source, rollouts, mean_reward, unanswered
ORDER BY newest DESC, run, part, source
