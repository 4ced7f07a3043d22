// Answers that are being read again. Parameters: $keys, $property (of the vector), $version (of observing programs).
// Returns key, value, embedding (float32 bytes), rank, observed (whether it is a program that was run by this version).
UNWIND $keys AS key
MATCH (a:Rereading {key: key})
RETURN a.key AS key, a.value AS value, a[$property] AS embedding, a.embedding_rank AS rank,
       coalesce(a.behaviour_version, '') = $version AS observed
