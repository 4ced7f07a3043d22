// A reward model by key. Parameters: $key. Returns key, folder, ledger, readers (versions, or null).
MATCH (m:RewardModel {key: $key})
RETURN m.key AS key, m.folder AS folder, m.ledger AS ledger, m.readers AS readers
