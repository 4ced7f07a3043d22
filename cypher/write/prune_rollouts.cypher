// Drops rollouts with their predictions, but none that somebody judged, itself, its answer or an equal one (looked at again in the
// transaction that drops it, with the answer locked against labels that arrive now).
// Parameters: as read/prunable. Returns how many rollouts, predictions and answers that nothing else gave were dropped.
MATCH (t:Thinking)
WHERE ($superseded AND coalesce(t.superseded, false))
   OR (($runs IS NOT NULL OR $before IS NOT NULL)
       AND ($runs IS NULL OR t.run IN $runs) AND ($before IS NULL OR t.created_at < $before))
CALL (t) {
  FOREACH (q IN [(q:Query)-[:GENERATES_REASONING]->(t) | q] | SET q:Changed)
  WITH t
  MATCH (t)-[:LEADS_TO]->(a:Answer)
  SET a.locked = true
  REMOVE a.locked
  WITH t, a
  WHERE NOT EXISTS { MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(:Label) }
  WITH t, a, COLLECT { MATCH (t)<-[:SCORES]-(p:Prediction) RETURN p } AS predictions
  FOREACH (p IN predictions | DETACH DELETE p)
  DETACH DELETE t
  WITH a, size(predictions) AS dropped, EXISTS { (a)<-[:LEADS_TO]-() } AS used, EXISTS { (a)<-[:SCORES]-() } AS judged
  FOREACH (other IN CASE WHEN used OR judged THEN [] ELSE [(a)<-[:EQUALS]-(o) | o] END | SET other:Unjoined)
  FOREACH (_ IN CASE WHEN used OR judged THEN [] ELSE [1] END | DETACH DELETE a)
  RETURN dropped, CASE WHEN used OR judged THEN 0 ELSE 1 END AS answers
} IN TRANSACTIONS OF 500 ROWS
RETURN count(*) AS rollouts, sum(dropped) AS predictions, sum(answers) AS answers
