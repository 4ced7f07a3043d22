// What is in the memory? Discarded rollouts do not count.
// Parameters: run and dataset (names, or null for all), ledger (name, or null for labels and models of all).
// Returns queries, rollouts, unanswered (rollouts that state no answer), runs, datasets, domains, policies, labels, labelled
// (rollouts), predictions, predicted (rollouts), models (fitted).
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
CALL (given) {
  MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
  WHERE NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
    AND (given.dataset IS NULL OR q.dataset = given.dataset)
  RETURN count(DISTINCT q) AS queries, count(t) AS rollouts, sum(CASE WHEN a.valid THEN 0 ELSE 1 END) AS unanswered,
         count(DISTINCT t.run) AS runs, count(DISTINCT q.dataset) AS datasets, count(DISTINCT q.domain) AS domains,
         count(DISTINCT t.policy) AS policies, sum(CASE WHEN EXISTS {
           MATCH (t)-[:LEADS_TO*0..1]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l:Label)
           WHERE given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) }
         } THEN 1 ELSE 0 END) AS labelled
}
CALL (given) {
  MATCH (l:Label)
  WHERE (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
    AND (given.run IS NULL OR EXISTS {
      MATCH (l)-[:SCORES]->()-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(t:Thinking) WHERE t.run = given.run
    })
    AND (given.dataset IS NULL OR EXISTS {
      MATCH (l)-[:SCORES]->()<-[:GENERATES|GENERATES_REASONING]-(:Query {dataset: given.dataset})
    })
  RETURN count(l) AS labels
}
CALL (given) {
  MATCH (p:Prediction)-[:SCORES]->(t:Thinking)
  WHERE p.score IS NOT NULL AND NOT coalesce(t.superseded, false) AND (given.run IS NULL OR t.run = given.run)
    AND (given.dataset IS NULL OR EXISTS { (t)<-[:GENERATES_REASONING]-(:Query {dataset: given.dataset}) })
  RETURN count(p) AS predictions, count(DISTINCT t) AS predicted
}
CALL (given) {
  MATCH (m:RewardModel) WHERE given.ledger IS NULL OR m.ledger = given.ledger
  RETURN count(m) AS models
}
RETURN queries, rollouts, unanswered, runs, datasets, domains, policies, labels, labelled, predictions, predicted, models
