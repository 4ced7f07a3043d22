// Neo4j Browser writes the property `name` on a node, where it has one. New nodes get theirs as they are written (cypher/write).
MATCH (n:Query) WHERE n.name IS NULL
CALL (n) { SET n.name = left(trim(n.text), 40) } IN TRANSACTIONS OF 10000 ROWS;
MATCH (n:Thinking) WHERE n.name IS NULL
CALL (n) {
  SET n.name = CASE WHEN coalesce(n.step, n.sample) IS NULL
    THEN left(coalesce(nullIf(trim(n.text), ''), nullIf(trim(n.response), ''), 'no response'), 40)
    ELSE left(n.run, 20) + coalesce(' step ' + n.step, '') + coalesce(' #' + n.sample, '')
  END
} IN TRANSACTIONS OF 10000 ROWS;
MATCH (n:Answer|FormerAnswer) WHERE n.name IS NULL
CALL (n) {
  SET n.name = CASE WHEN n.valid THEN left(coalesce(n.written, n.value), 40) ELSE 'no answer' END
} IN TRANSACTIONS OF 10000 ROWS;
// What a label says never changes, so that it can be a label of the node as well, which Browser gives a colour.
MATCH (n:Label) WHERE n.name IS NULL
CALL (n) {
  SET n.name = CASE n.score WHEN 1 THEN 'right' WHEN 0 THEN 'wrong' ELSE toString(round(n.score, 2)) END,
      n:$(CASE n.score WHEN 1 THEN ['Right'] WHEN 0 THEN ['Wrong'] ELSE [] END)
} IN TRANSACTIONS OF 10000 ROWS;
MATCH (n:Prediction) WHERE n.name IS NULL
CALL (n) { SET n.name = coalesce(toString(round(n.score, 2)), 'no score') } IN TRANSACTIONS OF 10000 ROWS;
MATCH (n:Reference) WHERE n.name IS NULL
CALL (n) { SET n.name = left(n.value, 40) } IN TRANSACTIONS OF 10000 ROWS;
MATCH (n:RewardModel) WHERE n.name IS NULL SET n.name = left(n.key, 12);
MATCH (n:EmbeddingSpace) WHERE n.name IS NULL SET n.name = n.model;
