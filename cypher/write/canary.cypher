// Stores the canary sentence's vector the first time the model runs, and the precision that it ran with.
// Parameters: $key, $canary (list of floats), $precision (null where it is not known).
MATCH (s:EmbeddingSpace {key: $key}) WHERE s.canary IS NULL
SET s.canary = $canary, s.precision = $precision
