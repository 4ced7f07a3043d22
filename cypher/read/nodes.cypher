// All nodes of a label in the order of their keys (template: {{label}}). Returns labels, properties.
MATCH (n:{{label}})
WHERE n.key > ''
RETURN labels(n) AS labels, properties(n) AS properties ORDER BY n.key
