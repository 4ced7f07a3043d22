// Where do those who judge disagree? Answers and rollouts on which labels of one kind differ and no correction has settled it.
// At most 200, the farthest apart first.
// Parameters: run (name of one that gave the answer, or null for all), dataset (name, or null for all), ledger (name, or null for
// labels of all).
// Returns query, answer, kind, said (who says what), spread, rollouts (that it concerns), key (of the answer or rollout),
// in_all (how many there are without the limit).
// Without rows: nobody disagrees, or no answer was judged by two yet.
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (target)<-[:SCORES]-(l:Label)
WHERE l.kind IN ['ground_truth', 'human', 'code', 'judge'] AND NOT EXISTS { (l)<-[:CORRECTS]-(:Label) }
  AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
WITH given, coalesce([(target)-[:EQUALS]->(stands) | stands][0], target) AS target, l ORDER BY l.created_at
WITH given, target, l.kind AS kind, collect(coalesce(l.identifier, '?') + ' ' + toString(round(l.score, 2))) AS said,
     max(l.score) - min(l.score) AS spread
WHERE spread > 0
MATCH (q:Query)-[:GENERATES|GENERATES_REASONING]->(target)
WHERE (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS { (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(:Thinking {run: given.run}) })
OPTIONAL MATCH (target)-[:LEADS_TO*0..1]->(a:Answer)
WITH collect({
       q: q, a: a, kind: kind, said: said, spread: spread, key: target.key,
       rollouts: COUNT { (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(:Thinking) }
     }) AS found
WITH found, size(found) AS in_all
UNWIND found AS one
WITH in_all, one ORDER BY one.spread DESC, one.rollouts DESC, one.key LIMIT 200
WITH in_all, one, one.q AS q, one.a AS a
RETURN q.text AS query, coalesce(a.written, a.value) AS answer, one.kind AS kind, one.said AS said, one.spread AS spread,
       one.rollouts AS rollouts, one.key AS key, in_all
ORDER BY spread DESC, rollouts DESC, key
