// Notes what a model has read to score queries, so that a change of it is found.
// Parameters: $model (key), $view (key of the LabelView), $rows (key, structure, labels: digests; at: when it was read).
MATCH (m:RewardModel {key: $model})
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
MERGE (m)-[read:READ {view: $view}]->(q)
SET read.structure = row.structure, read.labels = row.labels, read.at = row.at
