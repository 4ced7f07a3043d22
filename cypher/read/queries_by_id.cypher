// Queries of a data set by the ids that their sources gave them. Parameters: $dataset, $ids. Returns id, keys (of queries).
MATCH (q:Query {dataset: $dataset})
UNWIND q.ids AS id
WITH q, id WHERE id IN $ids
RETURN id, collect(q.key) AS keys
