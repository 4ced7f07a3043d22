// How many predictions compacting would drop: for each rollout and scorer, those between the first and the newest; without the
// rollouts that pruning drops anyway. Parameters: as read/prunable. Returns predictions.
MATCH (t:Thinking)<-[:SCORES]-(p:Prediction)
WITH t, p.scorer AS scorer, count(p) AS predictions
WHERE predictions > 2
  AND (EXISTS { MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(:Label) }
       OR NOT (($superseded AND coalesce(t.superseded, false))
               OR (($runs IS NOT NULL OR $before IS NOT NULL)
                   AND ($runs IS NULL OR t.run IN $runs) AND ($before IS NULL OR t.created_at < $before))))
RETURN coalesce(sum(predictions - 2), 0) AS predictions
