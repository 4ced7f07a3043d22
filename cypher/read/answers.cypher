// Answers by key. Parameters: $keys, $property. Returns key, value, valid, embedding (float32 bytes),
// behaviour, examples, runs (of programs).
UNWIND $keys AS key
MATCH (a:Answer {key: key})
RETURN a.key AS key, a.value AS value, a.valid AS valid, a[$property] AS embedding,
       a.behaviour AS behaviour, a.examples_passed AS examples, a.runs AS runs
