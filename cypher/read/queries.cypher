// Queries with their vectors. Parameters: $keys, $property, $dimension. Returns key, text, domain, dataset, embedding.
CYPHER 25
UNWIND $keys AS key
MATCH (q:Query {key: key})
RETURN q.key AS key, q.text AS text, q.domain AS domain, q.dataset AS dataset,
       vector(q[$property], $dimension, FLOAT32) AS embedding
