// What decides the scores of queries besides labels: their rollouts; and what a model had read when it last scored them.
// Parameters: $keys (of queries), $model (key), $view (key of the LabelView).
// Returns key, rollouts (how many), newest (of them), unobserved (programs that still wait to be run), joined (answers that are
// found equal to another one), structure, labels
// (digests as last read, null before the first score), at (when that was).
UNWIND $keys AS key
MATCH (q:Query {key: key})
OPTIONAL MATCH (q)<-[read:READ {view: $view}]-(:RewardModel {key: $model})
CALL (q) {
  OPTIONAL MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE NOT coalesce(t.superseded, false)
  RETURN count(t) AS rollouts, toString(max(t.created_at)) AS newest
}
RETURN key, rollouts, newest, COUNT { (q)-[:GENERATES]->(:Unobserved) } AS unobserved,
       COUNT { (q)-[:GENERATES]->(:Answer)-[:EQUALS]->(:Answer) } AS joined,
       read.structure AS structure, read.labels AS labels, read.at AS at
ORDER BY key
