// How far do predictions hold? By domain, for each tenth of the predicted probability, the rollouts that have a label in force.
// A label tests a prediction if the model could not have learned from it: it came after the prediction, or its purpose is monitor.
// Of each rollout the newest prediction that its label tests counts, and without one the newest of all.
// Parameters: scorer (name, for instance "reward_model"; null for all), model (key, or its beginning; null for all), run and dataset
// (names, or null for all), ledger (name, or null for labels of all).
// Returns domain, held_out (true for rollouts whose label tests the prediction, false where the model may have learned from it),
// queries (different ones of the domain that are so held out or not, over all tenths), tenth (0 to 9), rollouts, predicted (mean),
// right (how many have a label of at least 0.5), gap (predicted less the share of right), agreeing (how many are predicted on the
// label's side of 0.5), brier (mean squared error), ece (expected calibration error over all rows that are so held out or not: the
// mean distance of a tenth's predictions from its share of right, weighted by rollouts).
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
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth,
       min(CASE WHEN l.purpose = 'monitor' THEN null ELSE l.created_at END) AS visible  // to models from then on, null for never
  RETURN truth, visible ORDER BY rank LIMIT 1
}
CALL (t, visible, given) {
  MATCH (t)<-[:SCORES]-(p:Prediction)
  WHERE p.score IS NOT NULL AND (given.scorer IS NULL OR p.scorer = given.scorer)
    AND (given.model IS NULL OR p.model STARTS WITH given.model)
  RETURN p.score AS score, visible IS NULL OR p.created_at <= visible AS held_out
  ORDER BY held_out DESC, p.created_at DESC, p.key LIMIT 1
}
WITH q, t, held_out, score, truth ORDER BY t.key  // in this order, so that means are the same to the last digit
WITH q, held_out, collect({score: score, truth: truth}) AS members ORDER BY q.key
WITH q.domain AS domain, held_out, count(*) AS queries, collect(members) AS groups
UNWIND groups AS members
UNWIND members AS one
WITH domain, held_out, queries, one.score AS score, one.truth AS truth
WITH domain, held_out, queries, CASE WHEN score >= 1 THEN 9 ELSE toInteger(10 * score) END AS tenth, count(*) AS rollouts,
     avg(score) AS predicted, sum(CASE WHEN truth >= 0.5 THEN 1 ELSE 0 END) AS right,
     sum(CASE WHEN (score >= 0.5) = (truth >= 0.5) THEN 1 ELSE 0 END) AS agreeing,
     avg((score - truth) * (score - truth)) AS brier
WITH collect({
       domain: domain, held_out: held_out, queries: queries, tenth: tenth, rollouts: rollouts, predicted: predicted, right: right,
       agreeing: agreeing, brier: brier
     }) AS rows
UNWIND rows AS row
WITH row, [one IN rows WHERE one.held_out = row.held_out] AS alike
RETURN row.domain AS domain, row.held_out AS held_out, row.queries AS queries, row.tenth AS tenth, row.rollouts AS rollouts,
       row.predicted AS predicted, row.right AS right, row.predicted - toFloat(row.right) / row.rollouts AS gap,
       row.agreeing AS agreeing, row.brier AS brier,
       reduce(sum = 0.0, tenth IN range(0, 9) |
         sum + abs(reduce(off = 0.0, one IN alike |
           off + CASE WHEN one.tenth = tenth THEN one.rollouts * one.predicted - one.right ELSE 0 END
         ))
       ) / reduce(n = 0, one IN alike | n + one.rollouts) AS ece
ORDER BY domain, held_out DESC, tenth
