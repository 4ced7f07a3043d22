// Why this reward: the labelled queries around a rollout's query, what their labels say on average, and by how much each of
// them, their answers and the group's own answers moved the predicted score (null until `memreward why ROLLOUT --keep` has looked).
// Parameters: rollout (key, or its beginning; null picks one, if possible one that was explained).
// Returns rollout, query, score, model, since, reason, kind, what, cosine, label, change.
WITH {rollout: null} AS given  // put your values here
CALL (given) {
  MATCH (t:Thinking) WHERE t.key STARTS WITH given.rollout RETURN t LIMIT 1
  UNION
  MATCH (t:Thinking)<-[:SCORES]-(:Prediction)-[:MOVED_BY]->() WHERE given.rollout IS NULL RETURN t LIMIT 1
  UNION
  MATCH (:Label {purpose: 'calibrate'})-[:SCORES]->(:Answer)<-[:GENERATES]-(:Query)-[:SIMILAR_TO]-(q:Query)
        -[:GENERATES_REASONING]->(t:Thinking) WHERE given.rollout IS NULL RETURN t LIMIT 1
  UNION
  MATCH (t:Thinking)<-[:SCORES]-(:Prediction {scorer: 'reward_model'}) WHERE given.rollout IS NULL RETURN t LIMIT 1
}
WITH t LIMIT 1
MATCH (q:Query)-[:GENERATES_REASONING]->(t)
WITH q, t, head(COLLECT { MATCH (t)<-[:SCORES]-(l:Prediction {scorer: 'reward_model'}) RETURN l ORDER BY l.created_at DESC LIMIT 1 }) AS l
CALL (q, t, l) {
  MATCH (t)-[:LEADS_TO]->(a:Answer)
  RETURN 'own answer' AS kind, left(coalesce(a.written, a.value), 40) AS what, null AS cosine, null AS label, null AS change
  UNION ALL
  MATCH (q)-[s:SIMILAR_TO]-(n:Query)
  WITH DISTINCT l, n, s.score AS cosine
  MATCH (n)-[:GENERATES]->(:Answer)<-[:SCORES]-(label:Label)
  WHERE label.purpose IN ['train', 'calibrate'] AND (l IS NULL OR label.created_at <= l.created_at)
  WITH l, n, max(cosine) AS cosine, avg(label.score) AS label
  RETURN 'neighbour' AS kind, left(n.text, 80) AS what, cosine, label,
         head(COLLECT { MATCH (l)-[moved:MOVED_BY {kind: 'neighbour'}]->(n) RETURN moved.change }) AS change
  UNION ALL
  MATCH (l)-[moved:MOVED_BY]->(a:Answer|FormerAnswer)
  RETURN moved.kind AS kind, left(coalesce(a.written, a.value), 40) AS what, null AS cosine, moved.label AS label, moved.change AS change
}
RETURN t.key AS rollout, left(q.text, 80) AS query, l.score AS score, left(l.model, 12) AS model, l.created_at AS since,
       l.reason AS reason, kind, what, cosine, label, change
ORDER BY abs(coalesce(change, 0)) DESC, cosine DESC
