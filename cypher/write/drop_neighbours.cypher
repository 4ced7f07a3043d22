// Removes the neighbour lists of a space that no longer serves. Parameters: $property (of its vectors).
MATCH (:Query)-[r:SIMILAR_TO {space: $property}]->(:Query)
CALL (r) { DELETE r } IN TRANSACTIONS OF 5000 ROWS
