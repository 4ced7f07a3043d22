// Answers keep one spelling and point to an equal one by EQUALS; their keys follow the domains' readers, whose versions stand
// with the memory. `memreward migrate` reads stored rollouts anew (memgraph/rollouts/reread.py): former keys lead to what
// their rollouts are read as now.
CREATE CONSTRAINT reader_key IF NOT EXISTS FOR (n:Reader) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT former_answer_key IF NOT EXISTS FOR (n:FormerAnswer) REQUIRE n.key IS UNIQUE;
