// The queries of answers. Parameters: $keys (answers, by their present key or one from before they were read again).
// Returns asked (key), answer (the one that stands for all equal ones), query; nothing for keys that are not there, and
// several rows for a former key whose rollouts are now read apart.
UNWIND $keys AS key
CALL (key) {
  MATCH (a:Answer {key: key}) RETURN a
  UNION
  MATCH (:FormerAnswer {key: key})-[:READ_AS*1..]->(a:Answer) RETURN a
}
MATCH (a)<-[:GENERATES]-(q:Query)
RETURN DISTINCT key AS asked, coalesce([(a)-[:EQUALS]->(r) | r.key][0], a.key) AS answer, q.key AS query
