// Which reward models were fitted? The newest first.
// Parameters: ledger (name, or null for models of all).
// Returns model (key), ledger, fitted (time), metrics (JSON: on what it was fitted, and held-out figures).
// Without rows: no model was fitted yet (`memreward fit`).
WITH {ledger: null} AS given  // put your values here
MATCH (m:RewardModel)
WHERE given.ledger IS NULL OR m.ledger = given.ledger
RETURN m.key AS model, m.ledger AS ledger, toString(m.created_at) AS fitted, m.metrics AS metrics
ORDER BY m.created_at DESC, model LIMIT 10
