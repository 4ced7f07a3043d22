// Labels in force that came with answers read again, by the answer that stands for all equal ones.
// Returns query, query_key, answer (key), written, kind, labels (list of {former, author, score}).
MATCH (q:Query)-[:GENERATES]->(a:Answer)<-[scores:SCORES]-(l:Label)
WHERE scores.former IS NOT NULL AND NOT EXISTS { (l)<-[:CORRECTS]-() }
WITH q, coalesce([(a)-[:EQUALS]->(stands) | stands][0], a) AS answer, l, scores
WITH q, answer, l.kind AS kind,
     collect({former: scores.former, author: coalesce(l.identifier, ''), score: l.score}) AS labels
WHERE size(labels) > 1
RETURN q.text AS query, q.key AS query_key, answer.key AS answer, answer.written AS written, kind, labels
ORDER BY query_key, answer, kind
