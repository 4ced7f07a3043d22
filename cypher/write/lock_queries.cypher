// Takes the write locks of queries in key order, so that concurrent writers of neighbour lists take turns.
// Parameters: $keys (sorted).
UNWIND $keys AS key
MATCH (q:Query {key: key})
SET q.locked = true
REMOVE q.locked
