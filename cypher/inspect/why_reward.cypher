// Why this reward: the answers to a rollout's query, how many rollouts give each, what labels say of them, and by how much each
// moved the predicted score (null until `memreward why ROLLOUT --keep` has looked), as did checks of how it is written.
// Parameters: rollout (key, or its beginning; null picks one, if possible one that was explained).
// Returns rollout, query, score, model, since, reason, kind, what, rollouts, label, change.
// Without rows: the reward model has predicted nothing yet (`memreward score`).
WITH {rollout: null} AS given  // put your values here
CALL (given) {
  MATCH (t:Thinking) WHERE t.key STARTS WITH given.rollout RETURN t LIMIT 1
  UNION
  MATCH (t:Thinking)<-[:SCORES]-(:Prediction)-[:MOVED_BY]->() WHERE given.rollout IS NULL RETURN t LIMIT 1
  UNION
  MATCH (t:Thinking)<-[:SCORES]-(:Prediction {scorer: 'reward_model'}) WHERE given.rollout IS NULL RETURN t LIMIT 1
}
WITH t LIMIT 1
MATCH (q:Query)-[:GENERATES_REASONING]->(t)
WITH q, t, head(COLLECT { MATCH (t)<-[:SCORES]-(l:Prediction {scorer: 'reward_model'}) RETURN l ORDER BY l.created_at DESC LIMIT 1 }) AS l
CALL (q, t, l) {
  MATCH (q)-[:GENERATES]->(a:Answer)
  RETURN CASE WHEN EXISTS { (t)-[:LEADS_TO]->(a) } THEN 'own answer' ELSE 'other answer' END AS kind,
         coalesce(a.written, a.value) AS what,
         COUNT { MATCH (a)<-[:LEADS_TO]-(o:Thinking) WHERE NOT coalesce(o.superseded, false) } AS rollouts,
         head(COLLECT {
           MATCH (a)-[:EQUALS*0..2]-(:Answer)<-[:SCORES]-(label:Label)
           WHERE label.purpose IN ['train', 'calibrate'] AND (l IS NULL OR label.created_at <= l.created_at)
           RETURN avg(label.score)
         }) AS label,
         null AS change
  UNION ALL
  MATCH (l)-[moved:MOVED_BY]->(a:Answer|FormerAnswer)
  RETURN moved.kind AS kind, coalesce(a.written, a.value) AS what, null AS rollouts, moved.label AS label,
         moved.change AS change
  UNION ALL
  MATCH (l)-[moved:MOVED_BY]->(:Thinking)
  RETURN moved.kind AS kind, moved.check AS what, null AS rollouts, null AS label, moved.change AS change
}
RETURN t.key AS rollout, q.text AS query, l.score AS score, left(l.model, 12) AS model, l.created_at AS since,
       l.reason AS reason, kind, what, rollouts, label, change
ORDER BY abs(coalesce(change, 0)) DESC, rollouts DESC, what
