// Which reward models were fitted, on how many labels, and how good are they on labelled queries that they did not see? The newest first.
// Parameters: ledger (name, or null for models of all).
// Returns model (key), ledger, fitted (time), labelled_queries and labelled_rollouts (it was fitted on), held_out_within_query_auc,
// held_out_auc, held_out_accuracy (at 0.5), held_out_ece (expected calibration error), trees_share (how much the trees count beside
// the first regression), noise_floor (spread below which a group's order may be chance). Null is what was not measured.
// Without rows: no model was fitted yet (`memreward fit`).
WITH {ledger: null} AS given  // put your values here
MATCH (m:RewardModel)
WHERE given.ledger IS NULL OR m.ledger = given.ledger
WITH m, split(replace(replace(m.metrics, '{', ', '), '}', ''), ', "') AS metrics  // each `name": number`
RETURN m.key AS model, m.ledger AS ledger, toString(m.created_at) AS fitted,
       toInteger(toFloat(split([one IN metrics WHERE one STARTS WITH 'labelled_queries"'][0], ': ')[1])) AS labelled_queries,
       toInteger(toFloat(split([one IN metrics WHERE one STARTS WITH 'labelled_rollouts"'][0], ': ')[1])) AS labelled_rollouts,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'held_out_within_query_auc"'][0], ': ')[1]) AS held_out_within_query_auc,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'held_out_auc"'][0], ': ')[1]) AS held_out_auc,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'held_out_accuracy"'][0], ': ')[1]) AS held_out_accuracy,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'held_out_ece"'][0], ': ')[1]) AS held_out_ece,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'trees_share"'][0], ': ')[1]) AS trees_share,
       toFloat(split([one IN metrics WHERE one STARTS WITH 'noise_floor"'][0], ': ')[1]) AS noise_floor
ORDER BY m.created_at DESC, model LIMIT 10
