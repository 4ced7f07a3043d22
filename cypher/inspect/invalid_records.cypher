// Which records are invalid or mixed? Each problem that occurs, with how many records have it, the key of one and its text.
// Returns problem, records, example, text.
// Without rows: nothing is wrong.
CALL () {
  MATCH (t:Thinking)-[:LEADS_TO]->(:Answer {valid: false})
  RETURN 'rollout whose response gives no answer (counts as wrong)' AS problem, t.key AS key
  UNION ALL
  MATCH (t:Thinking) WHERE COUNT { (t)-[:LEADS_TO]->(:Answer) } <> 1
  RETURN 'rollout without exactly one answer' AS problem, t.key AS key
  UNION ALL
  MATCH (t:Thinking) WHERE COUNT { (t)<-[:GENERATES_REASONING]-(:Query) } <> 1
  RETURN 'rollout without exactly one query' AS problem, t.key AS key
  UNION ALL
  MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer) WHERE NOT EXISTS { (q)-[:GENERATES]->(a) }
  RETURN 'rollout whose answer belongs to another query' AS problem, t.key AS key
  UNION ALL
  MATCH (t:Thinking) WHERE NOT EXISTS { (t)<-[:PRODUCED]-(:Run) }
  RETURN 'rollout of no run' AS problem, t.key AS key
  UNION ALL
  MATCH (t:Thinking) WHERE t.superseded
  RETURN 'rollout of a discarded training step (counts nowhere)' AS problem, t.key AS key
  UNION ALL
  MATCH (t:Thinking) WHERE t.reward IS NULL AND t.reward_reason IS NOT NULL
  RETURN 'rollout that got no reward: ' + t.reward_reason AS problem, t.key AS key
  UNION ALL
  MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)
  WITH q, t.run AS run, t.attempt AS attempt, t.call AS call, count(DISTINCT t.policy) AS policies
  WHERE policies > 1
  RETURN 'group that mixes rollouts of several policies' AS problem, q.key AS key
  UNION ALL
  MATCH (q:Query) WHERE NOT EXISTS { (q)-[:GENERATES_REASONING]->() }
  RETURN 'query without rollouts' AS problem, q.key AS key
  UNION ALL
  MATCH (n:Query|Thinking) WHERE NOT n:Unembedded AND NOT n:Unlinked AND NOT any(name IN keys(n) WHERE name STARTS WITH 'embedding_')
  RETURN 'query or rollout without a vector' AS problem, n.key AS key
  UNION ALL
  MATCH (q:Query&Unlinked)
  RETURN 'query that waits for its similar queries (import again)' AS problem, q.key AS key
  UNION ALL
  MATCH (a:Answer&Unjoined)
  RETURN 'answer that waits to be compared with the others of its query (import again)' AS problem, a.key AS key
  UNION ALL
  MATCH (a:Answer&Unobserved)
  RETURN 'program that waits to be run in the sandbox (import again)' AS problem, a.key AS key
  UNION ALL
  MATCH (l:Label&Unplaced)
  RETURN 'label whose answer was read again as several, so that it counts nowhere (label one of them)' AS problem, l.key AS key
  UNION ALL
  MATCH (q:Query)-[:HAS_REFERENCE]->(r:Reference)
  WITH q, r.kind AS kind, count(r) AS references WHERE references > 1
  RETURN 'query with several references (a correction, or sources that contradict each other)' AS problem, q.key AS key
  UNION ALL
  MATCH (l:Label|Prediction) WHERE COUNT { (l)-[:SCORES]->() } <> 1
  RETURN 'label or prediction that does not score exactly one thing' AS problem, l.key AS key
  UNION ALL
  MATCH (l:Label|Prediction) WHERE NOT 0 <= l.score <= 1 OR (l.score IS NULL AND l:Label)
  RETURN 'label or prediction whose score is not between 0 and 1' AS problem, l.key AS key
  UNION ALL
  MATCH (l:Label) WHERE NOT EXISTS { (l)-[:SPENT_IN]->(:Ledger) }
  RETURN 'label that no ledger paid for' AS problem, l.key AS key
  UNION ALL
  MATCH (l:Prediction)-[:SCORES]->(:Answer)
  RETURN 'prediction on an answer instead of a rollout' AS problem, l.key AS key
}
WITH problem, count(*) AS records, min(key) AS example
CALL (example) {
  OPTIONAL MATCH (n:Query|Thinking|Answer|Label|Prediction {key: example})
  OPTIONAL MATCH (q:Query)-[:GENERATES|GENERATES_REASONING]->(n)
  RETURN head(collect(coalesce(n.text, n.written, n.value, n.explanation))) AS own, head(collect(q.text)) AS text
}
RETURN problem, records, example, coalesce(text, own) AS text
ORDER BY records DESC, problem
