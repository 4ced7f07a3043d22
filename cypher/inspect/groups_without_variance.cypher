// Which groups gave GRPO nothing to learn from, because all their rollouts got the same reward? The newest first.
// Parameters: run and dataset (names, or null for all).
// Returns run, attempt, step, query, rollouts, reward (of each), answers (different ones), sources.
// Without rows: no training was given rewards yet, or those of each group differ.
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE t.reward IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
WITH q, t.run AS run, t.attempt AS attempt, t.call AS call, min(t.step) AS step, max(t.created_at) AS last,
     count(t) AS rollouts, min(t.reward) AS lowest, max(t.reward) AS highest, count(DISTINCT coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key)) AS answers,
     collect(DISTINCT t.reward_source) AS sources
WHERE rollouts > 1 AND lowest = highest
RETURN run, attempt, step, q.text AS query, rollouts, lowest AS reward, answers, sources
ORDER BY last DESC, q.key LIMIT 200
