// Whatever changes what scores of a query may read marks the query Changed, and a pass of scoring numbers what was marked, so
// that the next one looks at what came since (cypher/write/number_changes.cypher).
CREATE CONSTRAINT changes_key IF NOT EXISTS FOR (n:Changes) REQUIRE n.key IS UNIQUE;
CREATE RANGE INDEX query_changed IF NOT EXISTS FOR (n:Query) ON (n.changed);
