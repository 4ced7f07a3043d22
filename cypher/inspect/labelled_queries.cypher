// Which queries are labelled? Those that a ledger paid for, or whose answers were judged one by one, and how many of their rollouts
// are right. The newest first. With labelled=false: which are not labelled?
// Parameters: run and dataset (names, or null for all), ledger (name, or null for all), labelled (false for the queries that no
// ledger, or not this one, has labels of).
// Returns ledger, paid_for ("query", "answers", or "nothing" where another ledger had paid), purpose, since (the first label),
// query, rollouts, labelled (how many have a label of the ledger), right (how many of these, at 0.5 or more), dataset, key.
// Without rows: nothing is labelled yet (`memreward reveal`, `memreward label`), or, with labelled=false, everything.
WITH {run: null, dataset: null, ledger: null, labelled: null} AS given  // put your values here
CALL (given) {
  MATCH (ledger:Ledger)
  WHERE coalesce(given.labelled, true) AND (given.ledger IS NULL OR ledger.name = given.ledger)
  CALL (ledger) {
    MATCH (ledger)-[paid:REVEALED]->(q:Query)
    RETURN q, CASE WHEN paid.free THEN 'nothing' ELSE 'query' END AS paid_for, paid.purpose AS purpose, paid.at AS since
    UNION
    MATCH (ledger)<-[:SPENT_IN]-(l:Label)
    MATCH (q:Query {key: l.query}) WHERE NOT EXISTS { (ledger)-[:REVEALED]->(q) }
    RETURN q, 'answers' AS paid_for, min(l.purpose) AS purpose, min(l.created_at) AS since
  }
  RETURN ledger, q, paid_for, purpose, since
  UNION
  MATCH (q:Query)
  WHERE NOT coalesce(given.labelled, true)
    AND NOT EXISTS { (q)<-[:REVEALED]-(ledger:Ledger) WHERE given.ledger IS NULL OR ledger.name = given.ledger }
    AND NOT EXISTS {
      (q)-[:GENERATES|GENERATES_REASONING]->()<-[:SCORES]-(:Label)-[:SPENT_IN]->(ledger:Ledger)
      WHERE given.ledger IS NULL OR ledger.name = given.ledger
    }
  RETURN null AS ledger, q, null AS paid_for, null AS purpose, null AS since
}
WITH given, ledger, q, paid_for, purpose, since
WHERE (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS { (q)-[:GENERATES_REASONING]->(:Thinking {run: given.run}) })
ORDER BY since DESC, ledger.name, q.key LIMIT 200
CALL (q, ledger, given) {
  MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)
  WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
  WITH head(COLLECT {
    MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-(target)<-[:SCORES]-(l:Label)
    WHERE NOT EXISTS { (l)<-[:CORRECTS]-(:Label) } AND EXISTS { (l)-[:SPENT_IN]->(ledger) }
    WITH 2 * CASE l.kind WHEN 'ground_truth' THEN 0 WHEN 'human' THEN 1 WHEN 'code' THEN 2 ELSE 3 END
           + CASE WHEN target:Answer THEN 1 ELSE 0 END AS rank, avg(l.score) AS truth
    RETURN truth ORDER BY rank LIMIT 1
  }) AS truth
  RETURN count(*) AS rollouts, count(truth) AS labelled, sum(CASE WHEN truth >= 0.5 THEN 1 ELSE 0 END) AS right
}
RETURN ledger.name AS ledger, paid_for, purpose, since, q.text AS query, rollouts, labelled, right, q.dataset AS dataset, q.key AS key
ORDER BY since DESC, ledger, key
