"""What unit tests of several rooms need."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest


@pytest.fixture(scope="module")
def short_networks() -> Iterator[None]:
    """The paper's network is fitted for a tenth of its epochs, where nothing asks how well it is fitted."""
    from memgraph.models import paper_gnn

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_gnn, "fit_paper_gnn", partial(paper_gnn.fit_paper_gnn, epochs=10))
        yield
