// Notes what a model has read to score queries, so that a change of it is found. Whoever read earlier than what is noted already
// wrote scores that are older: the query counts as changed, so that the next pass looks at it.
// Parameters: $model (key), $view (key of the LabelView), $rows (key, structure, labels: digests; at: when it was read).
MATCH (m:RewardModel {key: $model})
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
MERGE (m)-[read:READ {view: $view}]->(q)
FOREACH (_ IN CASE WHEN read.at > row.at THEN [1] ELSE [] END | SET q:Changed)
SET read.structure = row.structure, read.labels = row.labels, read.at = row.at
