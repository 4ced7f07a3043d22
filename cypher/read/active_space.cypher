// The embedding space that serves. Returns key, model, revision.
MATCH (s:EmbeddingSpace {active: true})
RETURN s.key AS key, s.model AS model, s.revision AS revision
