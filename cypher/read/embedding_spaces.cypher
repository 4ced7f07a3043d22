// The embedding spaces of this memory and which one serves.
// Returns model, revision, dimension, normalised, active, canary, key.
MATCH (s:EmbeddingSpace)
RETURN s.key AS key, s.model AS model, s.revision AS revision, s.dimension AS dimension,
       s.normalised AS normalised, s.active AS active, s.canary AS canary
