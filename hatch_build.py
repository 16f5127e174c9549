"""Ship the top-level napari.yaml inside the package.

npe2 looks the manifest up inside the package that the ``napari.manifest`` entry point names, while
this project keeps it at the top level, where a reader of the repository finds it first.  A wheel
gets a copy; an editable install gets a link (a copy where links are not allowed).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):  # type: ignore[type-arg]
    """Put ``napari.yaml`` where npe2 expects it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Place the manifest for this kind of build."""
        if self.target_name != "wheel":
            return
        source = Path(self.root) / "napari.yaml"
        if version != "editable":
            build_data["force_include"][str(source)] = "limelight/napari.yaml"
            return
        target = Path(self.root) / "src" / "limelight" / "napari.yaml"
        target.unlink(missing_ok=True)
        try:
            target.symlink_to(Path("..") / ".." / "napari.yaml")
        except OSError:
            shutil.copyfile(source, target)
