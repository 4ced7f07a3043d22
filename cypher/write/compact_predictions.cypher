// Drops predictions that newer ones have superseded: of each rollout and scorer the first, which the trainer got, and the newest
// stay. Returns predictions (how many were dropped).
MATCH (t:Thinking)
WHERE COUNT { MATCH (t)<-[:SCORES]-(:Prediction) } > 2
CALL (t) {
  MATCH (t)<-[:SCORES]-(p:Prediction)
  WITH p ORDER BY p.created_at, p.key
  WITH p.scorer AS scorer, collect(p) AS series
  UNWIND series[1..-1] AS p
  DETACH DELETE p
  RETURN count(*) AS dropped
} IN TRANSACTIONS OF 500 ROWS
RETURN coalesce(sum(dropped), 0) AS predictions
