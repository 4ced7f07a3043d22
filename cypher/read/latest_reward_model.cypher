// The newest reward model of an embedding space, of one ledger where given. Parameters: $space, $ledger (name or null).
// Returns key, folder, scorer, ledger, created_at.
MATCH (m:RewardModel {space: $space})
WHERE $ledger IS NULL OR m.ledger = $ledger
RETURN m.key AS key, m.folder AS folder, m.scorer AS scorer, m.ledger AS ledger, m.created_at AS created_at
ORDER BY created_at DESC LIMIT 1
