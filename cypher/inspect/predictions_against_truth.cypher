// How good were predictions, by what was learned later? For each reward model, over the rollouts that it scored before a
// label told.
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns scorer, model, rollouts, accuracy (at 0.5), brier (mean squared error), predicted_of_right, predicted_of_wrong
// (mean predictions), first, last (when predicted).
// Without rows: no label came after a prediction yet (`memreward score`, then `memreward reveal` or `memreward label`).
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (p:Prediction)-[:SCORES]->(t:Thinking)
WHERE p.score IS NOT NULL AND (given.model IS NULL OR p.model STARTS WITH given.model)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (p, t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE l.created_at >= p.created_at AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
  RETURN truth ORDER BY rank LIMIT 1
}
RETURN p.scorer AS scorer, left(p.model, 12) AS model, count(p) AS rollouts,
       avg(CASE WHEN (p.score >= 0.5) = (truth >= 0.5) THEN 1.0 ELSE 0.0 END) AS accuracy,
       avg((p.score - truth) * (p.score - truth)) AS brier,
       avg(CASE WHEN truth >= 0.5 THEN p.score END) AS predicted_of_right,
       avg(CASE WHEN truth < 0.5 THEN p.score END) AS predicted_of_wrong,
       toString(min(p.created_at)) AS first, toString(max(p.created_at)) AS last
ORDER BY first
