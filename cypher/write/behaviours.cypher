// Keeps how programs behaved (memgraph/domains/checks/behaviour.py): equal behaviour, equal key. One that did not run has a reason
// in its place.
// Parameters: $rows (key, behaviour, examples, runs, reason), $version.
UNWIND $rows AS row
MATCH (a:Answer {key: row.key})
FOREACH (q IN [(q:Query)-[:GENERATES]->(a) | q] | SET q:Changed)
SET a.behaviour = row.behaviour, a.examples_passed = row.examples, a.runs = row.runs, a.behaviour_version = $version,
    a.behaviour_reason = row.reason, a.observation_attempts = null
REMOVE a:Unobserved
