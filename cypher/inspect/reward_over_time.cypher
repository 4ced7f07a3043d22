// How did one query's reward develop, over runs and steps?
// Parameters: query (key or text, or its beginning; null picks the query with rewards at the most steps), dataset (of the
// query; null for any).
// Returns query, run, attempt, step, rollouts, rewarded, mean_reward, spread (standard deviation), answers (different ones),
// sources.
// Without rows: no training was given a reward yet.
WITH {query: null, dataset: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query) AND (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.reward IS NOT NULL
  RETURN count(DISTINCT [t.run, t.step]) AS steps
}
WITH q ORDER BY steps DESC, q.key LIMIT 1
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false)
WITH q, t.run AS run, t.attempt AS attempt, t.step AS step, min(t.created_at) AS began, count(t) AS rollouts,
     count(t.reward) AS rewarded, avg(t.reward) AS mean_reward, stDevP(t.reward) AS spread, count(DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)) AS answers,
     collect(DISTINCT t.reward_source) AS sources
RETURN q.text AS query, run, attempt, step, rollouts, rewarded, mean_reward, spread, answers, sources
ORDER BY began, run, attempt, step
