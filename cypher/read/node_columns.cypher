// The properties of a label's nodes, the types of their values, and the key of a node that has each (template: {{label}}).
// Returns name, types, example.
MATCH (n:{{label}})
UNWIND keys(n) AS name
RETURN name, collect(DISTINCT valueType(n[name])) AS types, min(n.key) AS example ORDER BY name
