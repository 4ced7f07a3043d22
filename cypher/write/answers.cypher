// Writes the distinct normalised answers of queries. The vector with the smallest rank wins, whoever writes first:
// rank '' is the embedding of the canonical value itself, another rank the hash of a vector that came with the data.
// Parameters: $rows (key, query, value, valid, embedding, rank), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
MERGE (a:Answer {key: row.key})
ON CREATE SET a.value = row.value, a.valid = row.valid
MERGE (q)-[:GENERATES]->(a)
FOREACH (_ IN CASE WHEN row.rank IS NOT NULL AND (a[$property] IS NULL OR row.rank < a.embedding_rank) THEN [1] ELSE [] END |
    SET a[$property] = row.embedding, a.embedding_rank = row.rank)
