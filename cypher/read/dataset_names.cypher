// Names of all data sets. Returns name.
MATCH (q:Query)
RETURN DISTINCT q.dataset AS name ORDER BY name
