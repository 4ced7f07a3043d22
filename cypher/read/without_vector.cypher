// Nodes of a label that lack a vector, in the order of their keys (template: {{label}}).
// Parameters: $property (of the vector), $text (property that is embedded), $after (key), $limit. Returns key, text.
MATCH (n:{{label}})
WHERE n.key > $after AND n[$property] IS NULL
RETURN n.key AS key, n[$text] AS text ORDER BY n.key LIMIT $limit
