// Answers by key. Parameters: $keys, $property. Returns key, value, valid, embedding (float32 bytes).
UNWIND $keys AS key
MATCH (a:Answer {key: key})
RETURN a.key AS key, a.value AS value, a.valid AS valid, a[$property] AS embedding
