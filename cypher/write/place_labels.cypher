// Moves labels from answers that were read again to those that they are about now. A label whose place is not known stays with
// the former answer, marked Unplaced, and counts nowhere.
// Parameters: $placed (label, former, answer), $unplaced (keys of labels).
CALL () {
  UNWIND $placed AS row
  MATCH (l:Label {key: row.label})-[scores:SCORES]->(:Rereading {key: row.former})
  MATCH (a:Answer {key: row.answer})
  FOREACH (q IN [(q:Query)-[:GENERATES]->(a) | q] | SET q:Changed)
  MERGE (l)-[now:SCORES]->(a)
  SET now.former = row.former
  REMOVE l:Unplaced
  DELETE scores
}
CALL () {
  UNWIND $unplaced AS key
  MATCH (l:Label {key: key})
  SET l:Unplaced
}
