// Which predictions say the opposite of a label in force? At most ten, the farthest off of each query, with their whole texts.
// Of each rollout the newest prediction before the label counts, and without one the newest of all.
// Parameters: run and dataset (names, or null for all), ledger (name, or null for labels of all).
// Returns query, thinking, answer, predicted, label, says (kind of the label), authors, label_came ("later" than the prediction,
// or "before" it), run, step, policy, rollout (key), model.
// Without rows: no prediction says the opposite of a label, or nothing that was predicted is labelled yet.
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (t:Thinking)
WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
  AND EXISTS { (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL }
CALL (t, given) {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
  WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
    AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
         + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, l.kind AS says, avg(l.score) AS truth, min(l.created_at) AS since,
       collect(DISTINCT l.identifier)[..3] AS authors
  RETURN says, truth, since, authors ORDER BY rank LIMIT 1
}
CALL (t, since) {
  MATCH (t)<-[:SCORES]-(p:Prediction) WHERE p.score IS NOT NULL
  RETURN p, p.created_at <= since AS later ORDER BY later DESC, p.created_at DESC LIMIT 1
}
WITH t, says, truth, authors, later, p, abs(p.score - truth) AS gap
WHERE (p.score >= 0.5) <> (truth >= 0.5)
ORDER BY gap DESC, t.key
WITH t.query AS query, head(collect({t: t, says: says, truth: truth, authors: authors, later: later, p: p, gap: gap})) AS one
ORDER BY one.gap DESC, query LIMIT 10
WITH one, one.t AS t, one.p AS p
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
RETURN left(q.text, 20000) AS query, left(t.text, 20000) AS thinking, left(coalesce(a.written, a.value), 20000) AS answer,
       p.score AS predicted, one.truth AS label, one.says AS says, one.authors AS authors,
       CASE WHEN one.later THEN 'later' ELSE 'before' END AS label_came, t.run AS run, t.step AS step, t.policy AS policy,
       t.key AS rollout, left(p.model, 12) AS model
ORDER BY abs(predicted - label) DESC, rollout
