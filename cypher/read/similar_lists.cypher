// The stored neighbour lists of these queries. Parameters: $keys, $space (name of its vector property). Returns key, neighbour, score.
UNWIND $keys AS key
MATCH (:Query {key: key})-[s:SIMILAR_TO {space: $space}]->(n:Query)
RETURN key, n.key AS neighbour, s.score AS score
