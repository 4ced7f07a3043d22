// Writes queries once; a new one waits for its similarity edges under the label Unlinked.
// Parameters: $rows (key, text, domain, dataset, ids, embedding), $property (of the embedding space).
// Returns nothing.
UNWIND $rows AS row
MERGE (q:Query {key: row.key})
ON CREATE SET q.text = row.text, q.domain = row.domain, q.dataset = row.dataset, q.ids = row.ids,
              q.name = left(trim(row.text), 40), q.created_at = datetime(), q:Unlinked
WITH q, row, q.ids AS ids
SET q.ids = COLLECT { UNWIND ids + row.ids AS id RETURN DISTINCT id ORDER BY id }
FOREACH (_ IN CASE WHEN q[$property] IS NULL THEN [1] ELSE [] END | SET q[$property] = toFloatList(row.embedding))
