// Notes that the scores of a model stand where all changes up to a number are counted in: of a scope, under a view.
// Parameters: $model (key), $view (key of the LabelView), $scope (key, '' for the whole memory), $changes (the number).
MATCH (m:RewardModel {key: $model})
MATCH (c:Changes {key: 'changes'})
MERGE (m)-[followed:FOLLOWED {view: $view, scope: $scope}]->(c)
SET followed.changes = CASE WHEN followed.changes > $changes THEN followed.changes ELSE $changes END,
    followed.at = datetime()
