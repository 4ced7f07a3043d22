// Gives nodes the vectors that they wait for; one that has a vector by now keeps it. An answer's is that of its canonical
// value (template: {{label}}). Parameters: $rows (key, vector: list of floats for queries, else float32 bytes), $property.
UNWIND $rows AS row
MATCH (n:{{label}} {key: row.key})
REMOVE n:Unembedded
FOREACH (_ IN CASE WHEN n[$property] IS NULL THEN [1] ELSE [] END |
    SET n[$property] = row.vector, n += CASE WHEN n:Answer THEN {embedding_rank: ''} ELSE {} END)
