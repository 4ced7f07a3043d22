// Which of these answers have the embedding of their canonical value? Parameters: $keys, $property. Returns key.
UNWIND $keys AS key
MATCH (a:Answer {key: key})
WHERE a[$property] IS NOT NULL AND a.embedding_rank = ''
RETURN a.key AS key
