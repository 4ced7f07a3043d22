// Nodes that wait for their vector, queries first since others wait for their similarity edges, then in key order.
// Parameters: $keys (of nodes to look at, or null for all), $limit. Returns key, label, text (that is embedded).
MATCH (n:Unembedded)
WHERE $keys IS NULL OR n.key IN $keys
WITH n, CASE WHEN n:Query THEN 'Query' WHEN n:Answer THEN 'Answer' ELSE 'Thinking' END AS label
RETURN n.key AS key, label, CASE label WHEN 'Answer' THEN n.value ELSE n.text END AS text
ORDER BY label = 'Query' DESC, key LIMIT $limit
