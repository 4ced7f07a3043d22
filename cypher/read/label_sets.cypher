// How many nodes there are of each set of labels. Returns labels, nodes.
MATCH (n)
RETURN labels(n) AS labels, count(*) AS nodes ORDER BY labels
