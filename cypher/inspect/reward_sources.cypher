// Where did the rewards of training runs come from, and why were there none? Step by step, or in parts: how many rollouts each source
// judged, and the mean reward it gave.
// Parameters: run (name; null for the six newest with rewards), dataset (name, or null for all), parts (at most so many, into which
// the steps of a run are summed up; null for each step by itself).
// Returns run, first and last (step), source ("no reward" without one), reason (why there was none), rollouts, mean_reward, unanswered
// (rollouts that state no answer).
// Without rows: no training was given a reward yet.
WITH {run: null, dataset: null, parts: null} AS given  // put your values here
MATCH (t:Thinking)
WHERE (t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL) AND NOT coalesce(t.superseded, false)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
WITH given, t.run AS run, coalesce(min(t.step), 0) AS from, coalesce(max(t.step), 0) AS to, max(t.created_at) AS newest
ORDER BY newest DESC, run LIMIT 6
WITH given, run, from, to - from + 1 AS steps, coalesce(given.parts, to - from + 1) AS parts, newest
CALL (run, from, steps, parts, given) {
  MATCH (t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE t.run = run AND (t.reward_source IS NOT NULL OR t.reward_reason IS NOT NULL) AND NOT coalesce(t.superseded, false)
    AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
  WITH t, a, (coalesce(t.step, from) - from) * parts / steps AS part
  // a part begins and ends with the same step for all sources: ceil(part * steps / parts)
  RETURN part, from + (part * steps + parts - 1) / parts AS first, from + ((part + 1) * steps + parts - 1) / parts - 1 AS last,
         CASE WHEN t.reward IS NULL THEN 'no reward' ELSE coalesce(t.reward_source, 'unknown') END AS source,
         CASE WHEN t.reward IS NULL THEN coalesce(t.reward_reason, 'unknown') END AS reason,
         count(t) AS rollouts, avg(t.reward) AS mean_reward, sum(CASE WHEN a.valid THEN 0 ELSE 1 END) AS unanswered
}
RETURN run, first, last, source, reason, rollouts, mean_reward, unanswered
ORDER BY newest DESC, run, part, source, reason
