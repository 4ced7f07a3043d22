// A query's rewards as they were at a past time, or when a training run had finished a step: for each rollout that was there,
// the judgement in force (ground truth, then people, code, judges), else what was last predicted. At most 40, the newest first.
// Parameters: query (key or text, or its beginning; null picks the one that was scored most often), at (ISO 8601 text, or
// null), training and step (a run's name and step, or null), ledger (name; null for the labels of all).
// Returns query, answer, reward (in force then), source, since, model, training_reward (what a training was given, null where it was
// given none), run, step, rollout, in_all (how many rollouts there are without the limit).
// Without rows: no rollout was stored by then.
WITH {query: null, at: null, training: null, step: null, ledger: null} AS given  // put your values here
CALL (given) {
  OPTIONAL MATCH (:Run {name: given.training})-[:PRODUCED]->(later:Thinking)
  WHERE later.step > given.step AND NOT coalesce(later.superseded, false)
  RETURN coalesce(datetime(given.at), min(later.created_at) - duration({microseconds: 1}), datetime()) AS at
}
CALL (given) {
  MATCH (q:Query) WHERE q.key STARTS WITH given.query OR q.text STARTS WITH given.query RETURN q LIMIT 1
  UNION
  MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking) WHERE given.query IS NULL
  WITH q, count { (t)<-[:SCORES]-() } AS scores
  RETURN q ORDER BY scores DESC, q.key LIMIT 1
}
MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
WHERE t.created_at <= at AND NOT coalesce(t.superseded, false)
WITH q, at, given, collect({t: t, a: a}) AS found
WITH q, at, given, found, size(found) AS in_all
UNWIND found AS one
WITH q, at, given, in_all, one.t AS t, one.a AS a ORDER BY coalesce(t.step, -1) DESC, t.key LIMIT 40
CALL (t, a, at, given) {
  OPTIONAL MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label|Prediction)
  WHERE l.created_at <= at AND (l:Prediction OR l.purpose IN ['train', 'calibrate'])
    AND (given.ledger IS NULL OR l:Prediction OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  WITH l, CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 WHEN 'judge' THEN 3 ELSE 4 END AS rank,
       target:Answer AS on_answer
  ORDER BY rank, on_answer, l.created_at DESC
  RETURN head(collect(l)) AS l
}
RETURN q.text AS query, coalesce(a.written, a.value) AS answer, l.score AS reward, coalesce(l.kind, l.scorer) AS source, l.created_at AS since,
       left(l.model, 12) AS model, t.reward AS training_reward, t.run AS run, t.step AS step, t.key AS rollout, in_all
ORDER BY coalesce(step, -1) DESC, rollout
