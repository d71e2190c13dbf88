"""Contract suites, shipped: a backend of yours passes them by supplying one fixture each.

``BlobSuite`` is for blob stores, ``StoreSuite`` for stores of runs; :class:`Scribe` writes the
journals that they, and tests of yours, feed to a store. They need pytest.
"""

from __future__ import annotations

from notabene.testing.blobs import BlobSuite
from notabene.testing.scribe import Scribe
from notabene.testing.stores import StoreSuite

__all__ = ["BlobSuite", "Scribe", "StoreSuite"]
