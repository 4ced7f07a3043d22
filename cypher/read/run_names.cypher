// The names of all runs. Returns name.
MATCH (r:Run)
RETURN r.name AS name ORDER BY name
