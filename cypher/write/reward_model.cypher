// Registers a fitted reward model. Parameters: $key, $properties.
MERGE (m:RewardModel {key: $key})
ON CREATE SET m += $properties, m.created_at = datetime(), m.name = left($key, 12)
