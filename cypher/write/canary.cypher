// Stores the canary sentence's vector the first time the model runs. Parameters: $key, $canary (list of floats).
MATCH (s:EmbeddingSpace {key: $key})
SET s.canary = coalesce(s.canary, $canary)
