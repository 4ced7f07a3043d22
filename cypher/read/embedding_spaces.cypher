// The embedding spaces of this memory and which one serves.
// Returns model, revision, dimension, normalised, active, canary, precision (null where no model has run yet), key.
MATCH (s:EmbeddingSpace)
RETURN s.key AS key, s.model AS model, s.revision AS revision, s.dimension AS dimension,
       s.normalised AS normalised, s.active AS active, s.canary AS canary,
       CASE WHEN s.canary IS NOT NULL THEN coalesce(s.precision, 'float32') END AS precision
