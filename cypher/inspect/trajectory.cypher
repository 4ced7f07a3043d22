// How did one query go, step by step: which share of its rollouts was right, as far as labels tell, and which was predicted?
// Parameters: query (key or text, or its beginning; null picks the query with rollouts at the most steps), run and dataset (names,
// or null for all), ledger (name, or null for labels of all).
// Returns query, run, attempt, step, rollouts, labelled, right (mean label in force), predicted (mean of the newest), mean_reward.
// Without rows: no rollout is stored yet (`memreward import`).
WITH {query: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)
WHERE (given.query IS NULL OR q.key STARTS WITH given.query OR q.text STARTS WITH given.query)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (q, given) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  RETURN count(DISTINCT [t.run, t.step]) AS steps
}
WITH given, q, steps WHERE steps > 0
ORDER BY steps DESC, q.key LIMIT 1
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
WITH q, t, head(COLLECT {
       MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
       WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
         AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
       WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
              + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
       RETURN truth ORDER BY rank LIMIT 1
     }) AS truth, head(COLLECT {
       MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL RETURN p.score ORDER BY p.created_at DESC, p.key LIMIT 1
     }) AS predicted
WITH q, t.run AS run, t.attempt AS attempt, t.step AS step, count(t) AS rollouts, count(truth) AS labelled, avg(truth) AS right,
     avg(predicted) AS predicted, avg(t.reward) AS mean_reward, min(t.position) AS place
RETURN q.text AS query, run, attempt, step, rollouts, labelled, right, predicted, mean_reward
ORDER BY place
