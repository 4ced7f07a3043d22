// The newest rollouts of queries in the order of experience, at most $limit a query, without those of the group asked for.
// The index gives them in that order, so that no more of a query's history is touched than what is returned, what is left
// out on the way, and the group itself.
// The planner takes the index's order only where both of its properties are named, and only for one search: hence the
// constant query in the order, and one comparison of lists for the group, where three would be three searches.
// Superseded rollouts (of discarded training steps) count nowhere.
// Parameters: $keys (queries), $run, $attempt, $call (the group), $as_of (datetime; only rollouts stored by then, or null),
// $limit. Returns query, key, position, run, attempt, step, call (null where there is none).
UNWIND $keys AS key
CALL (key) {
  MATCH (t:Thinking)
  USING INDEX t:Thinking(query, position)
  WHERE t.query = key AND t.position > ''
    AND NOT coalesce(t.superseded, false)
    AND [t.run, t.attempt, coalesce(t.call, -1)] <> [$run, $attempt, $call]
    AND ($as_of IS NULL OR t.created_at <= $as_of)
  RETURN t ORDER BY t.query DESC, t.position DESC LIMIT $limit
}
RETURN key AS query, t.key AS key, t.position AS position, t.run AS run, t.attempt AS attempt, t.step AS step, t.call AS call
