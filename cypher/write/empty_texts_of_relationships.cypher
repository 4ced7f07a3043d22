// Gives relationships that neo4j-admin imported the empty texts that it left out (template: {{type}}, {{property}} that names
// them).
CYPHER 25
MATCH ()-[r:{{type}}]->() WHERE r.{{property}} IS NOT NULL
CALL (r) {
  FOREACH (name IN r.{{property}} | SET r[name] = '')
  REMOVE r.{{property}}
} IN TRANSACTIONS OF 10000 ROWS
