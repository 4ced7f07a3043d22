// The properties of relationships and the types of their values (template: {{start}}, {{type}}, {{end}}). Returns name, types.
MATCH (:{{start}})-[r:{{type}}]->(:{{end}})
UNWIND keys(r) AS name
RETURN name, collect(DISTINCT valueType(r[name])) AS types ORDER BY name
