// How many nodes have a label (template: {{label}}). Returns nodes.
MATCH (n:{{label}})
RETURN count(n) AS nodes
