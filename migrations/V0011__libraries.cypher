// Programs are tried with the packages that their tests may import (memgraph/domains/checks/behaviour.py, version 3): those tried
// before wait to be tried again.
MATCH (a:Answer)
WHERE a.behaviour_version < '3'
CALL (a) { SET a:Unobserved } IN TRANSACTIONS OF 10000 ROWS;
