// Gives queries their vectors; one that has a vector by now keeps it. Parameters: $rows (key, vector: list of floats), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
FOREACH (_ IN CASE WHEN q[$property] IS NULL THEN [1] ELSE [] END | SET q[$property] = toFloatList(row.vector))
