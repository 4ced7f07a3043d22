// Takes answers out of use that another reader named: their rollouts wait to be read again, and their keys lead to what becomes
// of them. An answer that was written again under a key from before joins the one that stands for it.
// Parameters: $keys. Returns answers (how many).
UNWIND $keys AS key
MATCH (q:Query)-[generates:GENERATES]->(a:Answer {key: key})
SET q:Changed
WITH key, q, generates, a
OPTIONAL MATCH (before:FormerAnswer {key: key})
CALL (a) { MATCH (a)-[equal:EQUALS]-() DELETE equal }
CALL (q, a, before, generates) {
  WITH q, a, before, generates WHERE before IS NULL
  MERGE (q)-[:GENERATED]->(a)
  DELETE generates
  REMOVE a:Answer:Unjoined:Unobserved:Unembedded
  SET a:FormerAnswer:Rereading
  UNION
  WITH q, a, before, generates WHERE before IS NOT NULL
  SET before:Rereading
  WITH a, before
  CALL (a, before) { MATCH (a)<-[leads:LEADS_TO]-(t) MERGE (t)-[:LEADS_TO]->(before) DELETE leads }
  CALL (a, before) { MATCH (a)<-[scores:SCORES]-(l) MERGE (l)-[:SCORES]->(before) DELETE scores }
  DETACH DELETE a
}
RETURN count(*) AS answers
