// Creates the vector index of an embedding space over queries (template: {{index}} and {{property}} are names that
// Cypher cannot take as parameters). Parameters: $options (map with indexConfig: dimensions and similarity).
CREATE VECTOR INDEX {{index}} IF NOT EXISTS
FOR (q:Query) ON q.{{property}}
OPTIONS $options
