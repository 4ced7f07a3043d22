// One uniqueness constraint per key: every node is found and merged by it.
CREATE CONSTRAINT run_key IF NOT EXISTS FOR (n:Run) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT query_key IF NOT EXISTS FOR (n:Query) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT thinking_key IF NOT EXISTS FOR (n:Thinking) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT answer_key IF NOT EXISTS FOR (n:Answer) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT label_key IF NOT EXISTS FOR (n:Label) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT reference_key IF NOT EXISTS FOR (n:Reference) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT ledger_key IF NOT EXISTS FOR (n:Ledger) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT reward_model_key IF NOT EXISTS FOR (n:RewardModel) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT embedding_space_key IF NOT EXISTS FOR (n:EmbeddingSpace) REQUIRE n.key IS UNIQUE;
