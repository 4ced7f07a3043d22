// The newest reward model, of one ledger where given. Parameters: $ledger (name or null).
// Returns key, folder, scorer, ledger, created_at, readers (versions that its answers were read by, or null).
MATCH (m:RewardModel)
WHERE $ledger IS NULL OR m.ledger = $ledger
RETURN m.key AS key, m.folder AS folder, m.scorer AS scorer, m.ledger AS ledger, m.created_at AS created_at,
       m.readers AS readers
ORDER BY created_at DESC LIMIT 1
