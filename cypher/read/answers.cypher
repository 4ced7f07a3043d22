// Answers by key. Parameters: $keys, $property. Returns key, value, written, same_as (key of the answer that stands
// for all equal ones), valid, embedding (float32 bytes), behaviour, examples, runs (of programs).
UNWIND $keys AS key
MATCH (a:Answer {key: key})
RETURN a.key AS key, a.value AS value, a.written AS written,
       coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS same_as, a.valid AS valid, a[$property] AS embedding,
       a.behaviour AS behaviour, a.examples_passed AS examples, a.runs AS runs
