// Writes relationships of an archive; one that is there already is not written again (template: {{start}}, {{type}}, {{end}}).
// Parameters: $rows (start, end, properties). Returns written (how many have both of their ends).
UNWIND $rows AS row
MATCH (a:{{start}} {key: row.start})
MATCH (b:{{end}} {key: row.end})
WITH a, b, row, EXISTS { (a)-[r:{{type}}]->(b) WHERE properties(r) = row.properties } AS known
FOREACH (_ IN CASE WHEN known THEN [] ELSE [1] END | CREATE (a)-[r:{{type}}]->(b) SET r = row.properties)
RETURN count(*) AS written
