"""How a live run is made again, from a terminal and from Python.

Leaves the words of a figure's settings to `actcore.ui.show`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actcore.ui.live.change import Change
from actcore.ui.live.places import model_path, sae_path
from actcore.ui.live.run import Run


@dataclass(frozen=True)
class Origin:
    """What was run: further prompts, edits and label files; `further` are flags for the text."""

    run: Run
    prompts: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    labels: tuple[str, ...] = ()
    writing: tuple[tuple[str, float], ...] = ()

    def shell(self, name: str, settings: Mapping[str, Any]) -> str:
        """The shell line that draws the figure, run in the folder where the app was started."""
        given = (f"{key}={'all' if value is None else value}" for key, value in settings.items())
        words = [*self._flags(), "--draw", name, *_each("--set", given), "-o", f"{name}.png"]
        # Behind two dashes nothing is taken for a flag.
        dashed = any(prompt.startswith("-") for prompt in self.prompts)
        texts = list(self.prompts)
        every = [*words, "--", *texts] if dashed else [*texts, *words]
        return shlex.join(["python", "-m", "actcore", "probe", *every])

    def _flags(self) -> list[str]:
        run = self.run
        told = dict(zip(("layer", "site", "activation", "sae-k"), run.told, strict=True))
        said = {"dtype": run.dtype, **(told if len(run.saes) == 1 else {}), **dict(self.writing)}
        words = ["--model", model_path(run.model), *_each("--sae", map(sae_path, run.saes))]
        words += [
            word
            for key, value in said.items()
            if value
            for word in (f"--{key}", f"{value:g}" if isinstance(value, float) else str(value))
        ]
        if run.bos is not None:
            words.append("--bos" if run.bos else "--no-bos")
        return [*words, *_edits(self.changes), *_each("--labels", self.labels)]

    def python(self, name: str, settings: Mapping[str, Any]) -> str:
        """The Python lines that draw the figure, run in the folder where the app was started."""
        run = self.run
        told = {key: value for key, value in run.told._asdict().items() if value is not None}
        more = "".join(f", {key}={value!r}" for key, value in told.items())
        dtype = f", dtype={run.dtype!r}" if run.dtype else ""
        bos = f", bos={run.bos}" if run.bos is not None else ""
        given = "".join(f", {key}={value!r}" for key, value in settings.items())
        saes = ", ".join(f"load_sae({sae_path(sae)!r}{more})" for sae in run.saes)
        lines = [
            "import actcore",
            "from actcore.live import load_model, load_sae, probe",
            f"model = load_model({model_path(run.model)!r}{dtype})",
            f"saes = [{saes}]",
            f"d = probe(model, saes, {list(self.prompts)!r}{bos})",
        ]
        if self.labels:
            lines.insert(1, "from actcore.dataset.labels import labelled")
        lines += [f"d = labelled(d, actcore.read({file!r})).dataset" for file in self.labels]
        lines += [
            f'view = actcore.draw("{name}", d{given})',
            f'actcore.save(view, "{name}.png")',
        ]
        return "\n".join(lines)


def _each(flag: str, values: Any) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _edits(changes: tuple[Change, ...]) -> list[str]:
    words = []
    for change in changes:
        if change.amount is None:
            words += ["--ablate", change.feature]
        else:
            words += ["--boost", f"{change.feature}={change.amount:g}"]
    at = {change.positions for change in changes if change.positions}
    # The command has one list of positions for all edits.
    return [*words, *(["--at", ",".join(map(str, *at))] if len(at) == 1 else [])]
