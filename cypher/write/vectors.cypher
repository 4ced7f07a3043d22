// Writes vectors of another space beside those that serve; an answer's is always that of its canonical value
// (template: {{label}}). Parameters: $rows (key, vector: list of floats for queries, else float32 bytes), $property.
UNWIND $rows AS row
MATCH (n:{{label}} {key: row.key})
SET n[$property] = row.vector
SET n += CASE WHEN n:Answer THEN {embedding_rank: ''} ELSE {} END
