"""The contract of stores: a backend passes by supplying one fixture.

class TestMyStore(StoreSuite):
    @pytest.fixture
    def store(self):
        store = MyStore()
        yield store
        store.close()
"""

from __future__ import annotations

from notabene.testing.store_artifacts import ArtifactRules
from notabene.testing.store_runs import RunRules
from notabene.testing.store_search import SearchRules
from notabene.testing.store_series import SeriesRules
from notabene.testing.store_writers import WriterRules


class StoreSuite(RunRules, WriterRules, SeriesRules, SearchRules, ArtifactRules):
    """What every :class:`~notabene.store.base.Store` must do.

    The fixture ``store`` gives an empty one.
    """
