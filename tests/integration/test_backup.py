"""A backup is proved by restoring it, and a restore that fails leaves what was there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from memgraph.errors import ServerError
from memgraph.settings import Settings
from memgraph.store.database import Database
from memgraph.store.keys import file_digest
from memgraph.store.server.backup import backup, restore
from memgraph.store.server.home import ServerHome
from memgraph.store.server.local import LocalServer
from tests.integration.test_command_line import memreward
from tests.integration.test_local_server import kill, processes_of

VECTORS = "CREATE (:Kept {key: toString(i), vector: [x IN range(1, 8) | toFloat(x) * i / 3]})"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_memory_is_dumped_proved_and_restored_in_place_and_elsewhere(settings: Settings, tmp_path: Path) -> None:
    """One home, since each start of a server takes its time."""
    own = settings.model_copy(update={"home": tmp_path / "own", "heap_mb": 512})
    local, folder = LocalServer(own), tmp_path / "backup"
    content = "MATCH (n:Kept) RETURN n.key AS key, n.vector AS vector ORDER BY key"
    try:
        database = Database(local.start())
        database.query(f"UNWIND range(1, 500) AS i {VECTORS}", write=True)
        before = database.query(content)
        (own.home / "models" / "abc").mkdir(parents=True)
        (own.home / "models" / "abc" / "model.json").write_text("{}")
        said: list[str] = []
        made = backup(own, folder, say=said.append)
        assert made.nodes >= 500
        assert "restoring it into a temporary home, to be sure" in said
        assert sorted(file.name for file in folder.iterdir()) == ["backup.json", "models", "neo4j.dump"]
        assert local.find() is not None, "it ran before, so it runs again"
        database = Database(local.start())

        database.query("MATCH (n:Kept) WHERE n.key < '5' DELETE n", write=True)
        whole = (folder / "neo4j.dump").read_bytes()
        (folder / "neo4j.dump").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ServerError, match="is not what was backed up"):
            restore(own, folder, overwrite=True)
        lie = json.loads((folder / "backup.json").read_text())
        (folder / "backup.json").write_text(json.dumps({**lie, "sha256": file_digest(folder / "neo4j.dump")}))
        left = database.query(content)
        with pytest.raises(ServerError, match="neo4j-admin database load"):
            restore(own, folder, overwrite=True)
        database = Database(local.start())
        assert database.query(content) == left, "what was there is back after a load that failed"

        (folder / "neo4j.dump").write_bytes(whole)
        (folder / "backup.json").write_text(json.dumps(lie))
        with pytest.raises(ServerError, match="--overwrite"):
            restore(own, folder)
        (own.home / "models" / "abc" / "model.json").unlink()
        code, out, err = memreward("db", "restore", str(folder), "--overwrite", "--json", home=own.home)
        assert code == 0, err
        assert json.loads(out)["nodes"] == made.nodes
        database = Database(local.start())
        assert database.query(content) == before
        assert (own.home / "models" / "abc" / "model.json").is_file()
        with pytest.raises(ServerError, match="exists already"):
            backup(own, folder)
        assert backup(own, tmp_path / "unproved", check=False).nodes == made.nodes
        database = Database(local.start())

        database.query("CREATE (:Kept {key: 'late'})", write=True)
        kill(own)
        said.clear()
        assert backup(own, tmp_path / "of a killed one", check=False, say=said.append).nodes is None
        assert "it was not stopped cleanly; starting it once, which repairs that" in said
        assert local.find() is None
    finally:
        local.stop()
    assert not processes_of(own)


def test_stores_that_a_killed_restore_left_aside_come_back(settings: Settings, tmp_path: Path) -> None:
    home = ServerHome.of(settings.model_copy(update={"home": tmp_path}))
    home.prepare()
    for store in home.stores:
        store.mkdir(parents=True)
        (store / "data").write_text("mine")
    home.put_aside()
    assert not any(store.exists() for store in home.stores)
    home.stores[0].mkdir()
    (home.stores[0] / "data").write_text("half of another")
    for _ in range(2):
        home.put_back()
        assert [(store / "data").read_text() for store in home.stores] == ["mine", "mine"]

    home.put_aside()
    home._aside.rename(home._moving)  # killed while moving: one store is back already
    (home._moving / home.stores[0].parent.name).rename(home.stores[0])
    home.put_back()
    assert [(store / "data").read_text() for store in home.stores] == ["mine", "mine"]

    home.put_aside()
    home.stores[0].mkdir()
    home.give_up_aside()
    home.put_back()
    assert home.stores[0].exists()
    assert not home.stores[1].exists()


def test_backup_says_what_to_do_where_it_cannot_work(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"home": tmp_path / "nothing"})
    with pytest.raises(ServerError, match="no memory in"):
        backup(own, tmp_path / "b")
    with pytest.raises(ServerError, match="is no backup"):
        restore(own, tmp_path)
    aura = own.model_copy(update={"uri": "neo4j+s://example.invalid", "password": SecretStr("p")})
    for act in (backup, restore):
        with pytest.raises(ServerError, match=r"docs/operations\.md.*memreward export"):
            act(aura, tmp_path / "b")
