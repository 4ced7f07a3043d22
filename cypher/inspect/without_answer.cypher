// Which share of responses gives no answer, by run and step?
// Parameters: run and dataset (names, or null for all).
// Returns run, step, rollouts, without, share.
// Without rows: no rollout is stored yet (`memreward import`).
WITH {run: null, dataset: null} AS given  // put your values here
MATCH (t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
WITH t.run AS run, t.step AS step, count(t) AS rollouts, sum(CASE WHEN a.valid THEN 0 ELSE 1 END) AS without
RETURN run, step, rollouts, without, toFloat(without) / rollouts AS share
ORDER BY run, step
