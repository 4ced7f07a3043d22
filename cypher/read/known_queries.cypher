// Which of these queries are stored with a vector of the space? Parameters: $keys, $property. Returns key.
UNWIND $keys AS key
MATCH (q:Query {key: key})
WHERE q[$property] IS NOT NULL
RETURN q.key AS key
