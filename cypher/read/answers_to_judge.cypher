// Answers of queries with the rollouts that gave them, and what this ledger has labels for already.
// Parameters: $keys (queries), $ledger (key). Returns query, domain, answer, value, valid, labelled, rollouts.
UNWIND $keys AS key
MATCH (q:Query {key: key})-[:GENERATES]->(a:Answer)
RETURN key AS query, q.domain AS domain, a.key AS answer, a.value AS value, a.valid AS valid,
       EXISTS { (a)<-[:SCORES]-(:Label {kind: 'ground_truth'})-[:SPENT_IN]->(:Ledger {key: $ledger}) } AS labelled,
       COLLECT { MATCH (a)<-[:LEADS_TO]-(t:Thinking)
                 RETURN [t.key, EXISTS { (t)<-[:SCORES]-(:Label {kind: 'ground_truth'})
                                           -[:SPENT_IN]->(:Ledger {key: $ledger}) }] } AS rollouts
