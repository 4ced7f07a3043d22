// Notes that queries were searched for now: they wait no longer for their similarity edges. Parameters: $keys.
UNWIND $keys AS key
MATCH (q:Query {key: key})
SET q.linked_at = datetime()
REMOVE q:Unlinked
