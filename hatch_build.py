"""Puts the built web interface into wheels and source archives, and a compiled library into wheels.

Nothing built is committed. A wheel or source archive made in a checkout builds the pages first,
which needs Node.js; one made from a source archive finds them built. Without both it fails with
one sentence, so that no package can be made whose pages are missing. An editable install skips
all of this: there the server says how to build the pages.

The library is the one of ``notabene/capture/shim``. A wheel that holds it is for one platform; made
without a compiler, or with NOTABENE_PURE=1, a wheel is for all of them and the library is compiled
where it is first used.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebInterfaceHook(BuildHookInterface):
    """Builds the pages where they are not built, and refuses to go on without them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before files are collected."""
        if version == "editable":
            return
        root = Path(self.root)
        webui = _tool(root, "webui")
        if not webui.is_current(root):
            webui.build(root)
        if self.target_name == "wheel":
            self._add_library(root, build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called when all is packed."""
        del version, build_data, artifact_path
        if self._made is not None:
            self._made.cleanup()

    _made: tempfile.TemporaryDirectory[str] | None = None

    def _add_library(self, root: Path, build_data: dict[str, Any]) -> None:
        self._made = tempfile.TemporaryDirectory()
        made = _tool(root, "shim").compile_for_wheel(Path(self._made.name), root)
        if made is not None:
            library, platform = made
            build_data["force_include"][str(library)] = "notabene/capture/shim/shim.so"
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"


def _tool(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, root / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
