// Gives queries, rollouts or answers the vectors that they lack (template: {{label}}). A query or rollout that has one by now keeps
// it. An answer's is that of its canonical value, which comes before all others.
// Parameters: $rows (key, vector: list of floats for queries, else float32 bytes), $property.
UNWIND $rows AS row
MATCH (n:{{label}} {key: row.key})
REMOVE n:Unembedded
FOREACH (_ IN CASE WHEN n[$property] IS NULL OR n.embedding_rank <> '' THEN [1] ELSE [] END |
    SET n[$property] = row.vector, n += CASE WHEN n:Answer THEN {embedding_rank: ''} ELSE {} END)
