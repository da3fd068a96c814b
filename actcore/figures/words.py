"""The words and sizes that figures share: what was measured, in which unit, what is left out.

Leaves what only one figure says to that figure.
"""

from __future__ import annotations

from collections.abc import Iterable

from actcore.analysis import Padding, Specials, n_padding
from actcore.dataset import Dataset
from actcore.errors import BadValue

HATCHED = "Hatched: not measured."
ONLY = "Only what was measured counts."


def step(n: int, wanted: int, most: int) -> int:
    """Pixels for each of n cells: as wanted, or fewer where all would take more than `most`."""
    return max(1, min(wanted, most // max(n, 1)))


def prompt_name(dataset: Dataset, prompt: str | int) -> str:
    """The id of a prompt."""
    return str(dataset.prompts["id"][dataset.prompt(prompt)].as_py())


def counted(n: int, noun: str) -> str:
    """`1 feature`, `2 features`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def measure(dataset: Dataset) -> str:
    """What is shown, in which unit, of which model and SAE."""
    source = dataset.source
    of = " ".join(name for name in (source.model, source.sae) if name)
    return source.unit.capitalize() + (f", {of}" if of else "")


def scale_name(log: bool) -> str:
    """The name of a scale."""
    return "log scale" if log else "linear scale"


def left_out(dataset: Dataset, specials: Specials) -> str:
    """What is said of special tokens, where there are some and they do not count."""
    shown = specials == "exclude" and dataset.n_special
    return "; special tokens (dashed) are off the scale" if shown else ""


def hidden(dataset: Dataset, prompts: Iterable[int], padding: Padding) -> str:
    """What is said of the padding at the end of these prompt rows, where some is not shown."""
    if padding == "show":
        return ""
    n = sum(n_padding(dataset, prompt) for prompt in prompts)
    said = "1 token of padding at the end is" if n == 1 else f"{n:,} tokens of padding at ends are"
    return f" {said} hidden." if n else ""


def two_prompts(dataset: Dataset) -> None:
    """Nothing, if there are two prompts to compare. Raises: BadValue."""
    if dataset.prompts.num_rows < 2:
        raise BadValue("the number of prompts", dataset.prompts.num_rows, "2 or more; add a run")


def holes(dataset: Dataset, said: str) -> str:
    """What is said of the measurements that are not there, where some are not."""
    return f" {said}" if dataset.source.absent == "unmeasured" else ""
