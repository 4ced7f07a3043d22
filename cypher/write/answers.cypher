// Writes the distinct normalised answers of queries. The vector with the smallest rank wins, whoever writes first:
// rank '' is the embedding of the canonical value itself, another rank the hash of a vector that came with the data.
// A program waits under the label Unobserved to be run on its prompt's inputs.
// Parameters: $rows (key, query, value, valid, embedding, rank), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
MERGE (a:Answer {key: row.key})
ON CREATE SET a.value = row.value, a.valid = row.valid
FOREACH (_ IN CASE WHEN q.domain = 'code' AND a.valid AND a.behaviour_version IS NULL THEN [1] ELSE [] END | SET a:Unobserved)
MERGE (q)-[:GENERATES]->(a)
FOREACH (_ IN CASE WHEN row.rank IS NOT NULL AND (a[$property] IS NULL OR row.rank < a.embedding_rank) THEN [1] ELSE [] END |
    SET a[$property] = row.embedding, a.embedding_rank = row.rank)
