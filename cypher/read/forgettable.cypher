// What forgetting rollouts would cost.
// Parameters: $run (name, or null for all runs), $query (key, or null for all queries).
// Returns rollouts, predictions, labels (on them, on answers that no other rollout gives, and those that these correct), queries
// (that no other rollout has), paid (name of the ledger, once for each of these queries that it paid for).
MATCH (q:Query)
WHERE ($query IS NULL OR q.key = $query)
  AND ($run IS NULL OR EXISTS { MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run = $run })
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE $run IS NULL OR t.run = $run
  RETURN count(t) AS rollouts, sum(COUNT { (t)<-[:SCORES]-(:Prediction) }) AS predictions
}
WITH q, rollouts, predictions,
     NOT EXISTS { MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE $run IS NOT NULL AND t.run <> $run } AS goes
CALL (q, goes) {
  MATCH (q)-[:GENERATES|GENERATES_REASONING|GENERATED]->(target)<-[:SCORES]-(l)
  WHERE l.kind IS NOT NULL AND (goes OR (NOT target:FormerAnswer AND NOT EXISTS {
    MATCH (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run <> $run
  }))
  MATCH (l)-[:CORRECTS*0..]->(gone)
  RETURN count(DISTINCT gone) AS labels
}
WITH rollouts, predictions, labels, goes,
     CASE WHEN goes THEN [(ledger:Ledger)-[r:REVEALED]->(q) WHERE r.free IS NULL | ledger.name] ELSE [] END AS paid
RETURN sum(rollouts) AS rollouts, sum(predictions) AS predictions, sum(labels) AS labels,
       sum(CASE WHEN goes THEN 1 ELSE 0 END) AS queries,
       reduce(all = [], one IN collect(paid) | all + one) AS paid
