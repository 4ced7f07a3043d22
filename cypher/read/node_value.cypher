// One property of one node (template: {{label}}). Parameters: $key, $name. Returns value.
MATCH (n:{{label}} {key: $key})
RETURN n[$name] AS value
