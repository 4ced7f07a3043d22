// Which predictions say the opposite of a label in force? At most 40, the farthest off of each query first, with their whole texts.
// A label tests a prediction if the model could not have learned from it: it came after the prediction, or its purpose is monitor.
// Of each rollout the newest prediction that its label tests counts, and without one the newest of all.
// Parameters: model (key, or its beginning; null for all), run and dataset (names, or null for all), ledger (name, or null for
// labels of all).
// Returns place (1 for the farthest off of its query, then 2 …), predicted, label, says (kind of the label), authors, label_came
// ("later" than the prediction, "monitor": paid before it, but kept from the model, or "before", where the model may have learned
// from it), query, answer, thinking, run, step, policy, rollout (key), model, in_all (how many there are without the limit).
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
       min(CASE WHEN l.purpose = 'monitor' THEN null ELSE l.created_at END) AS visible,  // to models from then on, null for never
       collect(DISTINCT l.identifier)[..3] AS authors
  RETURN says, truth, since, visible, authors ORDER BY rank LIMIT 1
}
CALL (t, since, visible, given) {
  MATCH (t)<-[:SCORES]-(p:Prediction)
  WHERE p.score IS NOT NULL AND (given.model IS NULL OR p.model STARTS WITH given.model)
  WITH p, CASE WHEN p.created_at <= since THEN 'later' WHEN visible IS NULL OR p.created_at <= visible THEN 'monitor' ELSE 'before' END
       AS came
  RETURN p, came ORDER BY came = 'before', p.created_at DESC, p.key LIMIT 1
}
WITH t, says, truth, authors, came, p, abs(p.score - truth) AS gap
WHERE (p.score >= 0.5) <> (truth >= 0.5)
ORDER BY gap DESC, t.key
WITH t.query AS query, collect({t: t, says: says, truth: truth, authors: authors, came: came, p: p, gap: gap}) AS wrong
WITH collect({query: query, wrong: wrong[..40]}) AS groups, sum(size(wrong)) AS in_all
UNWIND groups AS each
UNWIND range(1, size(each.wrong)) AS place
WITH in_all, place, each.wrong[place - 1] AS one, each.query AS query
ORDER BY place, one.gap DESC, query LIMIT 40
WITH in_all, place, one, one.t AS t, one.p AS p
MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->(a:Answer)
RETURN place, p.score AS predicted, one.truth AS label, one.says AS says, one.authors AS authors, one.came AS label_came,
       left(q.text, 20000) AS query, left(coalesce(a.written, a.value), 20000) AS answer, left(t.text, 20000) AS thinking, t.run AS run,
       t.step AS step, t.policy AS policy, t.key AS rollout, left(p.model, 12) AS model, in_all
ORDER BY place, one.gap DESC, q.key
