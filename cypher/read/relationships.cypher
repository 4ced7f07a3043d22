// All relationships of a type between two labels, by the key of their start (template: {{start}}, {{type}}, {{end}}).
// Returns start (key), end (key), properties.
MATCH (a:{{start}})-[r:{{type}}]->(b:{{end}})
WHERE a.key > ''
RETURN a.key AS start, b.key AS end, properties(r) AS properties ORDER BY a.key
