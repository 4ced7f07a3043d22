// Which types of relationships run between which nodes. Returns start (labels), type, end (labels), relationships (how many).
MATCH (a)-[r]->(b)
RETURN labels(a) AS start, type(r) AS type, labels(b) AS end, count(*) AS relationships
