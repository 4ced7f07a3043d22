// The nodes from which messages flow to some nodes: at most so many for each node and relation, drawn by a hash of both keys.
// hash = (first * source + second * target) mod (2^31 - 1), of the keys' first 28 bits: Cypher has no hash of its own.
// It depends on nothing else, so that a node's neighbours are the same in every batch and process.
// Superseded rollouts (of discarded training steps) count nowhere.
// Parameters: $similar_to, $generates_reasoning, $rev_generates_reasoning, $leads_to, $rev_leads_to, $competes_with (each {keys: the
// nodes, limit: neighbours of each}), $space (name of its vector property), $first, $second (multipliers, made of a seed).
// Returns relation, node, neighbours (keys), vectors. Of competes_with a row is a whole group: node is null, neighbours are its rollouts,
// and vectors theirs (float32 bytes), since who is near is decided outside.
UNWIND $similar_to.keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[:SIMILAR_TO {space: $space}]-(n:Query)
  WITH DISTINCT q, n
  ORDER BY ($first * toInteger('0x' + left(n.key, 7)) + $second * toInteger('0x' + left(q.key, 7))) % 2147483647, n.key
  LIMIT $similar_to.limit
  RETURN collect(n.key) AS neighbours
}
RETURN 'similar_to' AS relation, key AS node, neighbours, null AS vectors
UNION ALL
UNWIND $generates_reasoning.keys AS key
MATCH (q:Query)-[:GENERATES_REASONING]->(:Thinking {key: key})
RETURN 'generates_reasoning' AS relation, key AS node, [q.key] AS neighbours, null AS vectors
UNION ALL
UNWIND $rev_generates_reasoning.keys AS key
MATCH (q:Query {key: key})
CALL (q) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE NOT coalesce(t.superseded, false)
  WITH q, t
  ORDER BY ($first * toInteger('0x' + left(t.key, 7)) + $second * toInteger('0x' + left(q.key, 7))) % 2147483647, t.key
  LIMIT $rev_generates_reasoning.limit
  RETURN collect(t.key) AS neighbours
}
RETURN 'rev_generates_reasoning' AS relation, key AS node, neighbours, null AS vectors
UNION ALL
UNWIND $leads_to.keys AS key
MATCH (a:Answer {key: key})
CALL (a) {
  MATCH (t:Thinking)-[:LEADS_TO]->(a)
  WHERE NOT coalesce(t.superseded, false)
  WITH a, t
  ORDER BY ($first * toInteger('0x' + left(t.key, 7)) + $second * toInteger('0x' + left(a.key, 7))) % 2147483647, t.key
  LIMIT $leads_to.limit
  RETURN collect(t.key) AS neighbours
}
RETURN 'leads_to' AS relation, key AS node, neighbours, null AS vectors
UNION ALL
UNWIND $rev_leads_to.keys AS key
MATCH (:Thinking {key: key})-[:LEADS_TO]->(a:Answer)
RETURN 'rev_leads_to' AS relation, key AS node, [a.key] AS neighbours, null AS vectors
UNION ALL
UNWIND $competes_with.keys AS key
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {key: key})
WITH DISTINCT q, t.run AS run, t.attempt AS attempt, coalesce(t.call, -1) AS call
MATCH (q)-[:GENERATES_REASONING]->(o:Thinking)
WHERE o.run = run AND o.attempt = attempt AND coalesce(o.call, -1) = call AND NOT coalesce(o.superseded, false)
WITH q, run, attempt, call, o ORDER BY o.key
WITH q, run, attempt, call, collect(o.key) AS neighbours, collect(o[$space]) AS vectors
RETURN 'competes_with' AS relation, null AS node, neighbours, vectors
