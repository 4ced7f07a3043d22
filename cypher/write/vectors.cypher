// Writes vectors of queries for another space beside those that serve. Parameters: $rows (key, vector), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.key})
SET q[$property] = row.vector
