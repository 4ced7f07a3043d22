// Keeps how programs behaved (memgraph/checks/behaviour.py): equal behaviour, equal key.
// Parameters: $rows (key, behaviour, examples, runs), $version.
UNWIND $rows AS row
MATCH (a:Answer {key: row.key})
SET a.behaviour = row.behaviour, a.examples_passed = row.examples, a.runs = row.runs, a.behaviour_version = $version
REMOVE a:Unobserved
