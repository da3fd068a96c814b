"""Which scripts the picture renderer has no font for on this machine, and their installation.

Leaves what to draw in place of a missing glyph to `actcore.views.glyphs`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from actcore.views.glyphs import missing

PACKAGES = Path(__file__).parent.parent / "packages.txt"
SCRIPTS = {
    "Arabic": "ع",
    "Hebrew": "ש",
    "Devanagari": "न",
    "Bengali": "ন",
    "Tamil": "ந",
    "Thai": "ก",
    "Chinese": "说",
    "Japanese": "あ",
    "Korean": "한",
    "emoji": "🙂",
}


def scripts_without_font() -> list[str]:
    """The names of the scripts whose sample character would be a box."""
    boxes = set(missing("".join(SCRIPTS.values())))
    return [script for script, character in SCRIPTS.items() if character in boxes]


def install() -> int:
    """The exit code of apt installing `packages.txt`; 1 with advice where apt cannot be used."""
    packages = PACKAGES.read_text(encoding="utf-8").split()
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not works(*root, "apt-get", "--version"):
        print(f"Needs apt and root. Install these fonts some other way: {' '.join(packages)}")
        return 1
    updated = subprocess.run([*root, "apt-get", "update", "-q"], check=False)
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    return updated.returncode or subprocess.run([*root, *command], check=False).returncode


def works(*command: str) -> bool:
    """Whether a command is there and ends well."""
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> int:
    """Install when asked to; else one line if a font is missing, nothing if none is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install packages.txt through apt")
    if parser.parse_args().install:
        return install()
    boxes = scripts_without_font()
    if boxes:
        print(f"PNG pictures will show boxes for {', '.join(boxes)}: 'make fonts' installs fonts.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
