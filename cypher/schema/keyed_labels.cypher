// Labels whose nodes are found by a unique key: what a memory consists of. Returns label.
SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties
WHERE type CONTAINS 'UNIQUENESS' AND properties = ['key']
RETURN labelsOrTypes[0] AS label ORDER BY label
