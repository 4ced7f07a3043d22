// Removes rollouts for good, query by query, with their predictions and labels, and with what only they had: answers, runs, and
// queries with their references. An answer that goes while equal ones stay leaves them its labels, and another one stands for all.
// What a ledger has paid for stays paid: queries and single answers that are not to be seen any more are counted on it.
// Parameters: $run (name, or null for all runs), $query (key, or null for all queries).
// Returns rollouts, predictions, labels, queries (how many went).
MATCH (q:Query)
WHERE ($query IS NULL OR q.key = $query)
  AND ($run IS NULL OR EXISTS { MATCH (q)-[:GENERATES_REASONING]->(t:Thinking) WHERE t.run = $run })
CALL (q) {
  SET q:Changed, q.locked = true
  REMOVE q.locked
  WITH q
  CALL (q) {
    MATCH (q)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
    WHERE $run IS NULL OR t.run = $run
    CALL (t, a) {
      WITH t, a,
           COLLECT { MATCH (t)<-[:SCORES]-(p:Prediction) RETURN p } AS predictions,
           COLLECT { MATCH (t)<-[:SCORES]-(l:Label)-[:CORRECTS*0..]->(gone) RETURN DISTINCT gone } AS labels,
           COLLECT {
             MATCH (a)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-()<-[:SCORES]-(l:Label)-[:SPENT_IN]->(ledger:Ledger)
             WHERE l.kind IN ['human', 'code', 'judge'] RETURN DISTINCT ledger
           } AS payers,
           [(r:Run)-[:PRODUCED]->(t) | r] AS runs
      WITH t, a, predictions, labels, payers, runs, size(predictions) AS predicted, size(labels) AS own
      FOREACH (p IN predictions | DETACH DELETE p)
      FOREACH (l IN labels | DETACH DELETE l)
      DETACH DELETE t
      WITH a, runs, payers, predicted, own, EXISTS { (a)<-[:LEADS_TO]-() } AS used
      WITH a, runs, payers, predicted, own, used, CASE WHEN used THEN a ELSE head(COLLECT {
        MATCH (a)-[:EQUALS*1..2]-(other:Answer) WHERE other <> a
        RETURN DISTINCT other ORDER BY EXISTS { (other)-[:EQUALS]->() }, other.key
      }) END AS heir
      WITH a, runs, payers, predicted, own, used, heir,
           CASE WHEN used THEN [] ELSE [(a)<-[:EQUALS]-(other) WHERE other <> heir | other] END AS equal,
           CASE WHEN used THEN [] ELSE [(a)<-[:SCORES]-(l) | l] END AS inherited,
           CASE WHEN used OR heir IS NOT NULL THEN []
                ELSE COLLECT { MATCH (a)<-[:SCORES]-(l:Label)-[:CORRECTS*0..]->(gone) RETURN DISTINCT gone } END AS judged
      FOREACH (to IN CASE WHEN heir IS NULL THEN [] ELSE [heir] END |
        FOREACH (other IN equal | MERGE (other)-[:EQUALS]->(to))
        FOREACH (l IN inherited | MERGE (l)-[:SCORES]->(to)))
      WITH a, runs, payers, predicted, own + size(judged) AS labels, used, heir, judged
      FOREACH (l IN judged | DETACH DELETE l)
      FOREACH (_ IN CASE WHEN used THEN [] ELSE [1] END | DETACH DELETE a)
      WITH runs, payers, predicted, labels, heir
      FOREACH (r IN [one IN runs WHERE NOT EXISTS { (one)-[:PRODUCED]->() }] | DELETE r)
      FOREACH (ledger IN [one IN payers WHERE heir IS NULL OR NOT EXISTS {
          MATCH (heir)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-()<-[:SCORES]-(l:Label)-[:SPENT_IN]->(one)
          WHERE l.kind IN ['human', 'code', 'judge']
        }] | SET ledger.answers_apart = coalesce(ledger.answers_apart, 0) + 1)
      RETURN predicted, labels
    }
    RETURN count(*) AS rollouts, sum(predicted) AS predictions, sum(labels) AS labels
  }
  WITH q, rollouts, predictions, labels, EXISTS { (q)-[:GENERATES_REASONING]->() } AS stays
  WITH q, rollouts, predictions, labels, stays,
       CASE WHEN stays THEN [] ELSE [(ledger:Ledger)-[r:REVEALED]->(q) WHERE r.free IS NULL | ledger] END AS payers,
       CASE WHEN stays THEN [] ELSE COLLECT {
         MATCH (q)-[:GENERATES|GENERATED]->()<-[:SCORES]-(l:Label)-[:CORRECTS*0..]->(gone) RETURN DISTINCT gone
       } END AS judged,
       CASE WHEN stays THEN [] ELSE [(q)-[:GENERATES|GENERATED|HAS_REFERENCE]->(of_it) | of_it] END AS of_it
  WITH q, rollouts, predictions, labels + size(judged) AS labels, stays, payers, judged, of_it
  FOREACH (ledger IN payers | SET ledger.queries_forgotten = coalesce(ledger.queries_forgotten, 0) + 1)
  FOREACH (l IN judged | DETACH DELETE l)
  FOREACH (one IN of_it | DETACH DELETE one)
  FOREACH (_ IN CASE WHEN stays THEN [] ELSE [1] END | DETACH DELETE q)
  RETURN rollouts, predictions, labels, CASE WHEN stays THEN 0 ELSE 1 END AS queries
} IN TRANSACTIONS OF 10 ROWS
RETURN sum(rollouts) AS rollouts, sum(predictions) AS predictions, sum(labels) AS labels, sum(queries) AS queries
