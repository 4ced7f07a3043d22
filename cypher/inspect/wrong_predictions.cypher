// Which predictions were farthest from what was learned later?
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns predicted, truth, says (kind of the label), query, answer, thinking, rollout (key), model.
// Without rows: no label came after a prediction yet (`memreward score`, then `memreward reveal` or `memreward label`).
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (p:Prediction)-[:SCORES]->(t:Thinking)
WHERE p.score IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.model IS NULL OR p.model STARTS WITH given.model)
  AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
CALL (p, t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE l.created_at >= p.created_at AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, l.kind AS says, avg(l.score) AS truth
  RETURN says, truth ORDER BY rank LIMIT 1
}
WITH p, t, says, truth ORDER BY abs(p.score - truth) DESC, t.key LIMIT 40
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
RETURN p.score AS predicted, truth, says, q.text AS query, coalesce(a.written, a.value) AS answer,
       t.text AS thinking, t.key AS rollout, left(p.model, 12) AS model
ORDER BY abs(predicted - truth) DESC, rollout
