// Writes nodes of an archive; one that is there stays as it is (template: {{label}}).
// Parameters: $rows (key, labels, properties).
CYPHER 25
UNWIND $rows AS row
MERGE (n:{{label}} {key: row.key})
ON CREATE SET n += row.properties, n:$(row.labels)
