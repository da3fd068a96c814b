"""How a live run is made again, from a terminal and from Python.

Leaves the words of a figure's settings to `actcore.ui.show`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actcore.ui.live.change import Change
from actcore.ui.live.places import model_path, sae_path
from actcore.ui.live.run import Run


@dataclass(frozen=True)
class Origin:
    """What was run: the prompts, edits, label files, and how the model wrote on."""

    run: Run
    prompts: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    labels: tuple[str, ...] = ()
    writing: tuple[tuple[str, float], ...] = ()

    @property
    def said(self) -> str:
        """Where the lines are to be run."""
        uploaded = [file for file in self.labels if Path(file).name == file]
        beside = f", with {', '.join(uploaded)} in it" if uploaded else ""
        return f"In the folder where the app was started{beside}:"

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
            if value is not None
            for word in (f"--{key}", str(value))
        ]
        if run.bos is not None:
            words.append("--bos" if run.bos else "--no-bos")
        return [*words, *_edits(self.changes), *_each("--labels", self.labels)]

    def python(self, name: str, settings: Mapping[str, Any]) -> str:
        """The Python lines that draw the figure, run in the folder where the app was started."""
        run = self.run
        told = run.told._asdict().items() if len(run.saes) == 1 else ()
        more = _keywords((key, value) for key, value in told if value is not None)
        saes = (f"load_sae({sae_path(sae)!r}{more}, device=str(model.device))" for sae in run.saes)
        lines = [
            "import actcore",
            "from actcore.live import load_model, load_sae, probe",
            f"model = load_model({model_path(run.model)!r}{_keywords(self._of('dtype'))})",
            f"saes = [{', '.join(saes)}]",
            f"d = probe(model, saes, {list(self.prompts)!r}{_keywords(self._of('bos'))})",
        ]
        if self.labels:
            lines.insert(1, "from actcore.dataset.labels import labelled")
        lines += [f"d = labelled(d, actcore.read({file!r})).dataset" for file in self.labels]
        lines += self._saying(name, settings)
        lines += [
            f'view = actcore.draw("{name}", d{_keywords(settings.items())})',
            f'actcore.save(view, "{name}.png")',
        ]
        return "\n".join(lines)

    def _of(self, name: str) -> list[tuple[str, Any]]:
        value = getattr(self.run, name)
        return [] if value is None else [(name, value)]

    def _saying(self, name: str, settings: Mapping[str, Any]) -> list[str]:
        """The lines that ask the model for what the figure shows beside activations."""
        if name == "feature_logits":
            return [
                "from actcore.live.said import with_logits",
                f"d = with_logits(d, model, saes, {settings['feature']!r})",
            ]
        if name not in ("next_tokens", "continuations"):
            return []
        names = {"tokens": "n_tokens"}
        given = [(names.get(key, key), value) for key, value in self.writing] + self._of("bos")
        edits = ", ".join(map(_edit, self.changes))
        return [
            "from actcore.live.said import with_steered",
            "from actcore.live.steer import Edit, steer",
            f"edits = [{edits}]",
            f"said = steer(model, saes, {self.run.prompt!r}, edits{_keywords(given)})",
            "d = with_steered(d, [said], edits)",
        ]


def _keywords(given: Iterable[tuple[str, Any]]) -> str:
    return "".join(f", {key}={value!r}" for key, value in given)


def _edit(change: Change) -> str:
    positions = "" if change.positions is None else f", {change.positions}"
    return f"Edit(actcore.FeatureId.parse({change.feature!r}), {change.amount!r}{positions})"


def _each(flag: str, values: Any) -> list[str]:
    return [word for value in values for word in (flag, value)]


def _edits(changes: tuple[Change, ...]) -> Iterator[str]:
    for change in changes:
        amount = "" if change.amount is None else f"={_exact(change.amount)}"
        at = "" if change.positions is None else f"@{','.join(map(str, change.positions))}"
        yield "--ablate" if change.amount is None else "--boost"
        yield f"{change.feature}{amount}{at}"


def _exact(amount: float) -> str:
    short = f"{amount:g}"
    return short if float(short) == amount else repr(amount)
