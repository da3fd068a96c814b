"""What `probe` says of arguments of other types."""

from __future__ import annotations

import subprocess
import sys

from tests.commands import ROOT

_WRONG_TYPES = """
from actcore.errors import BadValue
from actcore.live import probe
from tests.live.probed import small
for saes, prompts, features in [
    (small(), 5, None), (small(), [5], None), (small(), None, None), (small(), b"the cat", None),
    (None, "the cat", None), ("folder", "the cat", None),
    (small(), "the cat", [3]), (small(), "the cat", 3), (small(), "the cat", [(1, "resid_pre")]),
]:
    try:
        probe(None, saes, prompts, features=features)
    except BadValue as error:
        print(error)
"""


def test_what_is_no_prompt_sae_or_feature_is_said() -> None:
    # In a process of its own: here the signatures refuse such things before the program does.
    done = subprocess.run(
        [sys.executable, "-c", _WRONG_TYPES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    feature = "Allowed: layer/site/index, such as 10/resid_post/18753."
    prompts, saes = (
        "Allowed: a text, or several.",
        "Allowed: an SAE that load_sae read, or several.",
    )
    assert done.stdout.splitlines() == [
        f"prompts is 5. {prompts}",
        f"prompts is [5]. {prompts}",
        f"prompts is None. {prompts}",
        f"prompts is b'the cat'. {prompts}",
        f"saes is None. {saes}",
        f"saes is 'folder'. {saes}",
        f"feature is 3. {feature}",
        f"feature is 3. {feature}",
        f"feature is (1, 'resid_pre'). {feature}",
    ]
