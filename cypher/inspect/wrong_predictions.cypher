// Which predictions say the opposite of a label in force? At most 40, the farthest off of each query first, with their whole texts.
// Of each rollout the newest prediction before the label counts, and without one the newest of all.
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns place (1 for the farthest off of its query, then 2 …), predicted, label, says (kind of the label), authors, label_came
// ("later" than the prediction, or "before" it), query, answer, thinking, run, step, policy, rollout (key), model.
// Without rows: no prediction says the opposite of a label, or nothing that was predicted is labelled yet.
WITH {model: null, run: null, dataset: null, ledger: null} AS given  // put your values here
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
CALL (t, since, given) {
  MATCH (t)<-[:SCORES]-(p:Prediction)
  WHERE p.score IS NOT NULL AND (given.model IS NULL OR p.model STARTS WITH given.model)
  RETURN p, p.created_at <= since AS later ORDER BY later DESC, p.created_at DESC, p.key LIMIT 1
}
WITH t, says, truth, authors, later, p, abs(p.score - truth) AS gap
WHERE (p.score >= 0.5) <> (truth >= 0.5)
ORDER BY gap DESC, t.key
WITH t.query AS query, collect({t: t, says: says, truth: truth, authors: authors, later: later, p: p, gap: gap})[..40] AS wrong
UNWIND range(1, size(wrong)) AS place
WITH query, place, wrong[place - 1] AS one
ORDER BY place, one.gap DESC, query LIMIT 40
WITH place, one, one.t AS t, one.p AS p
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
RETURN place, p.score AS predicted, one.truth AS label, one.says AS says, one.authors AS authors,
       CASE WHEN one.later THEN 'later' ELSE 'before' END AS label_came, left(q.text, 20000) AS query,
       left(coalesce(a.written, a.value), 20000) AS answer, left(t.text, 20000) AS thinking, t.run AS run, t.step AS step,
       t.policy AS policy, t.key AS rollout, left(p.model, 12) AS model
ORDER BY place, one.gap DESC, q.key
