// Do those who judge agree? Every two who judged the same answers or rollouts, right at 0.5 or more, with Cohen's kappa: how much more
// they agree than chance would have it. What one said to settle for others is no judgement of its own here. At most 200
// pairs.
// Parameters: run (name of one that gave the answer, or null for all), dataset (name, or null for all), ledger (name, or null for
// labels of all).
// Returns first, second (who), kinds (of their labels), judged (by both), agreeing (share), kappa (1 for the same, 0 for chance,
// null where both say one thing only), in_all (how many pairs there are without the limit).
// Without rows: no answer was judged by two yet.
WITH {run: null, dataset: null, ledger: null} AS given  // put your values here
MATCH (q:Query)-[:GENERATES|GENERATES_REASONING]->(target)<-[:SCORES]-(l:Label)
WHERE (given.dataset IS NULL OR q.dataset = given.dataset)
  AND (given.run IS NULL OR EXISTS { (target)-[:EQUALS*0..2]-()<-[:LEADS_TO*0..1]-(:Thinking {run: given.run}) })
  AND (given.ledger IS NULL OR EXISTS { (l)-[:SPENT_IN]->(:Ledger {name: given.ledger}) })
  AND NOT EXISTS { (l)-[:CORRECTS]->(other:Label) WHERE other.identifier <> l.identifier }
  AND NOT EXISTS {
    MATCH (l)<-[:CORRECTS]-(later:Label)
    WHERE coalesce(later.identifier, '') = coalesce(l.identifier, '')
      AND NOT EXISTS { (later)-[:CORRECTS]->(other:Label) WHERE other.identifier <> later.identifier }
  }
WITH coalesce([(target)-[:EQUALS]->(stands) | stands][0], target) AS target, l.kind AS kind,
     CASE l.kind WHEN 'ground_truth' THEN 'ground truth' ELSE coalesce(l.identifier, '?') END AS author, avg(l.score) AS score
ORDER BY author, kind
WITH target, collect({author: author, kind: kind, right: score >= 0.5}) AS said
UNWIND range(0, size(said) - 2) AS place
UNWIND said[place + 1..] AS b
WITH said[place] AS a, b
WITH a.author AS first, b.author AS second, [a.kind, b.kind] AS kinds, count(*) AS judged,
     avg(CASE WHEN a.right = b.right THEN 1.0 ELSE 0.0 END) AS agreeing,
     avg(CASE WHEN a.right THEN 1.0 ELSE 0.0 END) AS one, avg(CASE WHEN b.right THEN 1.0 ELSE 0.0 END) AS two
WITH first, second, kinds, judged, agreeing, one * two + (1 - one) * (1 - two) AS chance
WITH first, second, kinds, judged, agreeing, chance ORDER BY judged DESC, first, second, kinds
WITH collect({first: first, second: second, kinds: kinds, judged: judged, agreeing: agreeing, chance: chance}) AS found
UNWIND found[..200] AS one
RETURN one.first AS first, one.second AS second, one.kinds AS kinds, one.judged AS judged, one.agreeing AS agreeing,
       CASE WHEN one.chance < 1 THEN (one.agreeing - one.chance) / (1 - one.chance) END AS kappa, size(found) AS in_all
ORDER BY judged DESC, first, second, kinds
