// Gives nodes that neo4j-admin imported the empty texts that it left out (template: {{label}}, {{property}} that names them).
CYPHER 25
MATCH (n:{{label}}) WHERE n.{{property}} IS NOT NULL
CALL (n) {
  FOREACH (name IN n.{{property}} | SET n[name] = '')
  REMOVE n.{{property}}
} IN TRANSACTIONS OF 10000 ROWS
