// The stored neighbour lists of these queries. Parameters: $keys. Returns key, neighbour, score.
UNWIND $keys AS key
MATCH (:Query {key: key})-[s:SIMILAR_TO]->(n:Query)
RETURN key, n.key AS neighbour, s.score AS score
