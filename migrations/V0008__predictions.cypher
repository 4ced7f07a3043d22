// Predictions are no labels: they are nodes of their own, which name the scorer that made them. Before, they were labels of the
// kinds gnn (a reward model, whatever it was) and vote (any other scorer).
CREATE CONSTRAINT prediction_key IF NOT EXISTS FOR (n:Prediction) REQUIRE n.key IS UNIQUE;
CREATE RANGE INDEX prediction_created_at IF NOT EXISTS FOR (n:Prediction) ON (n.created_at);
MATCH (p:Label)
WHERE p.kind IN ['gnn', 'vote']
CALL (p) {
  SET p:Prediction, p.scorer = CASE p.kind WHEN 'gnn' THEN 'reward_model' ELSE 'unknown' END
  REMOVE p:Label, p.kind
} IN TRANSACTIONS OF 10000 ROWS;
