// Neighbour lists belong to an embedding space, named by the property that its vectors stand in, so that those of two
// spaces can stand side by side while a memory moves from one to the other.
MATCH (s:EmbeddingSpace {active: true})
MATCH (:Query)-[r:SIMILAR_TO]->(:Query)
WHERE r.space IS NULL
CALL (s, r) { SET r.space = 'embedding_' + left(s.key, 12) } IN TRANSACTIONS OF 10000 ROWS;
// Lists made before V0003 did not say when: without it they would never be searched anew.
MATCH (q:Query)
WHERE q.linked_at IS NULL AND NOT q:Unlinked
CALL (q) { SET q.linked_at = q.created_at } IN TRANSACTIONS OF 10000 ROWS;
