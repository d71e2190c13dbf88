"""Puts the built web interface into wheels and source archives.

Nothing built is committed. A wheel or source archive made in a checkout builds the pages first,
which needs Node.js; one made from a source archive finds them built. Without both it fails with
one sentence, so that no package can be made whose pages are missing. An editable install skips
all of this: there the server says how to build the pages.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebInterfaceHook(BuildHookInterface):
    """Builds the pages where they are not built, and refuses to go on without them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before files are collected."""
        del build_data
        if version == "editable":
            return
        root = Path(self.root)
        spec = importlib.util.spec_from_file_location("webui", root / "tools" / "webui.py")
        assert spec is not None
        assert spec.loader is not None
        webui = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(webui)
        if not webui.is_current(root):
            webui.build(root)
