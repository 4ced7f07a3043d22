// Rollouts and answers that wait for their vector, answers first, in key order.
// Parameters: $keys (of their queries, or null for all), $limit. Returns key, label, text (that is embedded).
CALL () {
  WITH * WHERE $keys IS NULL
  MATCH (n:Unembedded)
  WHERE n:Thinking OR n:Answer
  RETURN n
UNION
  UNWIND $keys AS key
  MATCH (:Query {key: key})-[:GENERATES|GENERATES_REASONING]->(n:Unembedded)
  RETURN n
}
WITH n, CASE WHEN n:Answer THEN 'Answer' ELSE 'Thinking' END AS label
RETURN n.key AS key, label, CASE label WHEN 'Answer' THEN n.value ELSE n.text END AS text
ORDER BY label, key LIMIT $limit
