// Writes rollouts with their structural edges; a rollout that is there stays as it is.
// Parameters: $rows (key, query, answer, run, embedding, properties), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
MATCH (a:Answer {key: row.answer})
MATCH (r:Run {key: row.run_key})
MERGE (t:Thinking {key: row.key})
ON CREATE SET t += row.properties, t.created_at = datetime()
MERGE (q)-[:GENERATES_REASONING]->(t)
MERGE (t)-[:LEADS_TO]->(a)
MERGE (r)-[:PRODUCED]->(t)
FOREACH (_ IN CASE WHEN t[$property] IS NULL THEN [1] ELSE [] END | SET t[$property] = row.embedding)
