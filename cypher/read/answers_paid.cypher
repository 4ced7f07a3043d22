// Answers that a ledger has paid for one by one (a person's judgement). Parameters: $key (ledger). Returns answer.
MATCH (:Ledger {key: $key})<-[:SPENT_IN]-(:Label {kind: 'human'})-[:SCORES]->(a:Answer)
RETURN DISTINCT a.key AS answer
