// A reward model by key. Parameters: $key. Returns key, folder, ledger.
MATCH (m:RewardModel {key: $key})
RETURN m.key AS key, m.folder AS folder, m.ledger AS ledger
