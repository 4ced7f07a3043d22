// Removes what nodes hold for a space that no longer serves, their vectors for instance (template: {{label}}, {{property}}).
MATCH (n:{{label}})
WHERE n.{{property}} IS NOT NULL
CALL (n) { REMOVE n.{{property}} } IN TRANSACTIONS OF 1000 ROWS
