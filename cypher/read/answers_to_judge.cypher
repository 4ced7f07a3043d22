// Answers of queries with the rollouts that gave them, and what this ledger has labels for already. Equal answers are one
// row, that of the answer which stands for them.
// Parameters: $keys (queries), $ledger (key). Returns query, text (of the query), domain, answer, value, written, valid,
// labelled, rollouts (list of [rollout, labelled]).
UNWIND $keys AS key
MATCH (q:Query {key: key})-[:GENERATES]->(a:Answer)
WHERE NOT EXISTS { (a)-[:EQUALS]->() }
RETURN key AS query, q.text AS text, q.domain AS domain, a.key AS answer, a.value AS value, a.written AS written,
       a.valid AS valid,
       EXISTS { MATCH (a)<-[:EQUALS*0..1]-()<-[:SCORES]-(:Label {kind: 'ground_truth'})-[:SPENT_IN]->(:Ledger {key: $ledger}) } AS labelled,
       COLLECT { MATCH (a)<-[:EQUALS*0..1]-()<-[:LEADS_TO]-(t:Thinking)
                 RETURN [t.key, EXISTS { (t)<-[:SCORES]-(:Label {kind: 'ground_truth'})
                                           -[:SPENT_IN]->(:Ledger {key: $ledger}) }] } AS rollouts
