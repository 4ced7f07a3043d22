// How large a database is. Returns nodes, relationships.
RETURN COUNT { () } AS nodes, COUNT { ()-->() } AS relationships
