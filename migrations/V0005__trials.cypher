// Programs are tried on more inputs (memgraph/checks/behaviour.py, version 2): those tried before wait to be tried anew.
MATCH (a:Answer)
WHERE a.behaviour_version < '2'
CALL (a) { SET a:Unobserved } IN TRANSACTIONS OF 10000 ROWS;
