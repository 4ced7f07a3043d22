// Are predictions as often right as they say? By domain and decile of the prediction, over the rollouts that a label told of later.
// Each rollout counts once, with the newest prediction before its label.
// Parameters: model (key, or its beginning; null for all), run and dataset
// (names, or null for all), ledger (name, or null for labels of all).
// Returns domain, decile (lower end), rollouts, predicted (mean), right (share), gap (predicted less right).
// Without rows: no label came after a prediction yet (`memreward score`, then `memreward reveal` or `memreward label`).
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)<-[:SCORES]-(p:Prediction)
WHERE p.score IS NOT NULL AND NOT coalesce(t.superseded, false) AND p.scorer = 'reward_model' AND (given.model IS NULL OR p.model STARTS WITH given.model)
  AND (given.run IS NULL OR t.run = given.run) AND (given.dataset IS NULL OR q.dataset = given.dataset)
CALL (p, t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE l.created_at >= p.created_at AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
  RETURN truth ORDER BY rank LIMIT 1
}
WITH q, t, p.score AS score, truth ORDER BY p.created_at DESC, p.key
WITH q.domain AS domain, t, head(collect(score)) AS score, head(collect(truth)) AS truth
WITH domain, CASE WHEN score >= 1 THEN 9 ELSE toInteger(floor(score * 10)) END AS decile, count(t) AS rollouts,
     avg(score) AS predicted, avg(CASE WHEN truth >= 0.5 THEN 1.0 ELSE 0.0 END) AS right
RETURN domain, decile / 10.0 AS decile, rollouts, predicted, right, predicted - right AS gap
ORDER BY domain, decile
