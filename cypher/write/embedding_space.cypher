// Records an embedding space once. Parameters: $key, $properties.
MERGE (s:EmbeddingSpace {key: $key})
ON CREATE SET s += $properties, s.created_at = datetime(), s.name = $properties.model
