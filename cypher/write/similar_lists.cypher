// Replaces the neighbour lists of queries. A full list's last score stands on its query, so that who comes near it knows whether
// it enters.
// Parameters: $rows (key, neighbours: [{key, score, rank}], kth: last score of a full list, else null), $space (name of its
// vector property), $kth (name of the property for that score).
CYPHER 25
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
CALL (q) { OPTIONAL MATCH (q)-[old:SIMILAR_TO {space: $space}]->() DELETE old }
SET q[$kth] = row.kth
WITH q, row
UNWIND row.neighbours AS neighbour
MATCH (n:Query {key: neighbour.key})
CREATE (q)-[:SIMILAR_TO {score: neighbour.score, rank: neighbour.rank, space: $space}]->(n)
