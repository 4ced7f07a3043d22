// Writes rollouts with their structural edges; a rollout that is there stays as it is.
// Its position sorts a query's rollouts in the order of experience: milliseconds from year 1 to the start of its run, then
// attempt, step, call and sample, each with a letter for its number of digits ('-', which comes first, for none), then its key.
// One without a vector waits for that under the label Unembedded.
// Its name, which Neo4j Browser writes on it, is where it was sampled, or else its first words.
// Parameters: $rows (key, query, answer, run_key, embedding, properties), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
MATCH (a:Answer {key: row.answer})
MATCH (r:Run {key: row.run_key})
MERGE (t:Thinking {key: row.key})
ON CREATE SET t += row.properties, t.created_at = datetime(), t.query = row.query,
  t.name = CASE WHEN coalesce(row.properties.step, row.properties.sample) IS NULL
    THEN left(coalesce(nullIf(trim(row.properties.text), ''), nullIf(trim(row.properties.response), ''), 'no response'), 40)
    ELSE left(row.properties.run, 20) + coalesce(' step ' + row.properties.step, '') + coalesce(' #' + row.properties.sample, '')
  END,
  t.position = reduce(
    position = right('00000000000000' + toString(r.started_at.epochMillis + 62135596800000), 15),
    n IN [row.properties.attempt, row.properties.step, row.properties.call, row.properties.sample] |
    position + ' ' + coalesce(substring('abcdefghijklmnopqrs', size(toString(n)) - 1, 1) + toString(n), '-')
  ) + ' ' + row.key
SET q:Changed
MERGE (q)-[:GENERATES_REASONING]->(t)
MERGE (t)-[:LEADS_TO]->(a)
MERGE (r)-[:PRODUCED]->(t)
FOREACH (_ IN CASE WHEN t[$property] IS NULL THEN [1] ELSE [] END | SET t[$property] = row.embedding)
FOREACH (_ IN CASE WHEN t[$property] IS NULL THEN [1] ELSE [] END | SET t:Unembedded)
