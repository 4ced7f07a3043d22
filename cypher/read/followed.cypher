// Up to which number of changes the scores of a model stand, in a scope, under a view.
// Parameters: $model (key), $view (key of the LabelView), $scope (key, '' for the whole memory).
// Returns changes (null where the model never scored all of the scope, nor of the memory).
OPTIONAL MATCH (:RewardModel {key: $model})-[followed:FOLLOWED {view: $view}]->(:Changes)
WHERE followed.scope IN ['', $scope]
RETURN max(followed.changes) AS changes
