// Writes the distinct answers of queries, one node for each key. Of several spellings the node keeps the one of smallest
// rank (what verifiers judge), and of several vectors the one of smallest rank, whoever writes first: rank '' is the
// embedding of the canonical value itself, another rank the hash of a vector that came with the data.
// An answer waits under the label Unjoined to be compared with the others of its query, and a program under the label
// Unobserved to be run on its prompt's inputs. One that a rollout without a vector for it states waits for that of its
// canonical value under the label Unembedded.
// Parameters: $rows (key, query, value, valid, program, written, written_rank, embedding, rank, bare), $property.
UNWIND $rows AS row
MATCH (q:Query {key: row.query})
MERGE (a:Answer {key: row.key})
ON CREATE SET a.value = row.value, a.valid = row.valid, a:Unjoined,
              a.name = CASE WHEN row.valid THEN left(row.value, 40) ELSE 'no answer' END
FOREACH (_ IN CASE WHEN a.valid THEN [] ELSE [1] END | REMOVE a:Unjoined)
FOREACH (_ IN CASE WHEN row.program AND a.valid AND a.behaviour_version IS NULL THEN [1] ELSE [] END | SET a:Unobserved)
MERGE (q)-[:GENERATES]->(a)
FOREACH (_ IN CASE WHEN row.written IS NOT NULL
                    AND (a.written IS NULL OR row.written_rank + row.written < a.written_rank + a.written)
                   THEN [1] ELSE [] END |
    SET a.written = row.written, a.written_rank = row.written_rank, a.name = left(row.written, 40))
FOREACH (_ IN CASE WHEN row.rank IS NOT NULL AND (a[$property] IS NULL OR row.rank < a.embedding_rank) THEN [1] ELSE [] END |
    SET a[$property] = row.embedding, a.embedding_rank = row.rank)
FOREACH (_ IN CASE WHEN row.bare AND coalesce(a.embedding_rank <> '', true) THEN [1] ELSE [] END | SET a:Unembedded)
FOREACH (_ IN CASE WHEN a.embedding_rank = '' THEN [1] ELSE [] END | REMOVE a:Unembedded)
