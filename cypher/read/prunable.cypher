// How many rollouts and predictions pruning would drop, and how many rollouts it keeps because somebody judged them, their
// answer or an equal one. Parameters: $superseded (whether those of discarded training steps are meant), $runs (names or null), $before
// (or null; both null: no others are meant). Returns rollouts, predictions, labelled.
MATCH (t:Thinking)
WHERE ($superseded AND coalesce(t.superseded, false))
   OR (($runs IS NOT NULL OR $before IS NOT NULL)
       AND ($runs IS NULL OR t.run IN $runs) AND ($before IS NULL OR t.created_at < $before))
WITH t, EXISTS {
  MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(:Label)
} AS labelled
RETURN sum(CASE WHEN labelled THEN 0 ELSE 1 END) AS rollouts, sum(CASE WHEN labelled THEN 1 ELSE 0 END) AS labelled,
       sum(CASE WHEN labelled THEN 0 ELSE COUNT { (t)<-[:SCORES]-(:Prediction) } END) AS predictions
