// Notes that queries were searched for now: they wait no longer for their similarity edges.
// Parameters: $rows (key, kth: last score of a full list, else null), $kth (name of the property for that score).
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
SET q[$kth] = row.kth, q.linked_at = datetime()
REMOVE q:Unlinked
