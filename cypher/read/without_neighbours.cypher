// Queries that have a vector of a space but no neighbours in it. Parameters: $property (of the vector). Returns key.
MATCH (q:Query)
WHERE q[$property] IS NOT NULL AND NOT EXISTS { (q)-[:SIMILAR_TO {space: $property}]->() }
RETURN q.key AS key ORDER BY key
