// Replaces the neighbour lists of queries and marks them as linked.
// Parameters: $rows (key, neighbours: [{key, score, rank}]).
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
CALL (q) { OPTIONAL MATCH (q)-[old:SIMILAR_TO]->() DELETE old }
REMOVE q:Unlinked
WITH q, row
UNWIND row.neighbours AS neighbour
MATCH (n:Query {key: neighbour.key})
CREATE (q)-[:SIMILAR_TO {score: neighbour.score, rank: neighbour.rank}]->(n)
