// A query's rollouts have an order, that of experience: start of the run, attempt, step, call, sample, key. It stands on each
// as one text that sorts like it (cypher/write/rollouts.cypher), beside the query's key, so that one index gives the newest.
CREATE RANGE INDEX thinking_query_position IF NOT EXISTS FOR (n:Thinking) ON (n.query, n.position);
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)
WHERE t.position IS NULL
CALL (q, t) {
  OPTIONAL MATCH (t)<-[:PRODUCED]-(r:Run)
  WITH t, q, min(coalesce(r.started_at, t.created_at)) AS started
  SET t.query = q.key,
      t.position = reduce(
        position = right('00000000000000' + toString(started.epochMillis + 62135596800000), 15),
        n IN [t.attempt, t.step, t.call, t.sample] |
        position + ' ' + coalesce(substring('abcdefghijklmnopqrs', size(toString(n)) - 1, 1) + toString(n), '-')
      ) + ' ' + t.key
} IN TRANSACTIONS OF 10000 ROWS;
