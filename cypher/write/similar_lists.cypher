// Replaces the neighbour lists of queries; those that were searched for are linked as of now.
// Parameters: $rows (key, searched, neighbours: [{key, score, rank}]), $space (name of its vector property).
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
CALL (q) { OPTIONAL MATCH (q)-[old:SIMILAR_TO {space: $space}]->() DELETE old }
FOREACH (_ IN CASE WHEN row.searched THEN [1] ELSE [] END | SET q.linked_at = datetime() REMOVE q:Unlinked)
WITH q, row
UNWIND row.neighbours AS neighbour
MATCH (n:Query {key: neighbour.key})
CREATE (q)-[:SIMILAR_TO {score: neighbour.score, rank: neighbour.rank, space: $space}]->(n)
