// Reward models that a person may mean, by the beginning of their key.
// Parameters: $text, $limit. Returns key, ledger.
MATCH (m:RewardModel)
WHERE m.key STARTS WITH $text
RETURN m.key AS key, m.ledger AS ledger ORDER BY key LIMIT $limit
