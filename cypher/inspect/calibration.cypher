// How far do predictions hold? By domain, for each tenth of the predicted probability, the rollouts that have a label in force.
// Of each rollout the newest prediction before the label counts, and without one the newest of all.
// Parameters: scorer (name, for instance "reward_model"; null for all), model (key, or its beginning; null for all), run and dataset
// (names, or null for all), ledger (name, or null for labels of all).
// Returns domain, label_came ("later" than the prediction, or "before" it), tenth (0 to 9), rollouts, predicted (mean), right (how
// many have a label of at least 0.5), gap (predicted less the share of right), agreeing (how many are predicted on the label's side
// of 0.5), brier (mean squared error), ece (expected calibration error over all rows: the mean distance of a tenth's predictions from
// its share of right, weighted by rollouts).
// Without rows: nothing was predicted yet, or nothing that was predicted is labelled (`memreward score`, `memreward reveal`).
WITH {scorer: null, model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR q.dataset = given.dataset)
  AND EXISTS { (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL }
CALL (t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth, min(l.created_at) AS since
  RETURN truth, since ORDER BY rank LIMIT 1
}
CALL (t, since, given) {
  MATCH (t)<-[:SCORES]-(p:Prediction)
  WHERE p.score IS NOT NULL AND (given.scorer IS NULL OR p.scorer = given.scorer)
    AND (given.model IS NULL OR p.model STARTS WITH given.model)
  RETURN p.score AS score, p.created_at <= since AS later ORDER BY later DESC, p.created_at DESC, p.key LIMIT 1
}
WITH q.domain AS domain, CASE WHEN later THEN 'later' ELSE 'before' END AS label_came,
     CASE WHEN score >= 1 THEN 9 ELSE toInteger(10 * score) END AS tenth, count(*) AS rollouts, avg(score) AS predicted,
     sum(CASE WHEN truth >= 0.5 THEN 1 ELSE 0 END) AS right,
     sum(CASE WHEN (score >= 0.5) = (truth >= 0.5) THEN 1 ELSE 0 END) AS agreeing,
     avg((score - truth) * (score - truth)) AS brier
WITH collect({
       domain: domain, label_came: label_came, tenth: tenth, rollouts: rollouts, predicted: predicted, right: right,
       agreeing: agreeing, brier: brier
     }) AS rows
UNWIND rows AS row
RETURN row.domain AS domain, row.label_came AS label_came, row.tenth AS tenth, row.rollouts AS rollouts,
       row.predicted AS predicted, row.right AS right, row.predicted - toFloat(row.right) / row.rollouts AS gap,
       row.agreeing AS agreeing, row.brier AS brier,
       reduce(sum = 0.0, tenth IN range(0, 9) |
         sum + abs(reduce(off = 0.0, one IN rows |
           off + CASE WHEN one.tenth = tenth THEN one.rollouts * one.predicted - one.right ELSE 0 END
         ))
       ) / reduce(n = 0, one IN rows | n + one.rollouts) AS ece
ORDER BY domain, label_came, tenth
