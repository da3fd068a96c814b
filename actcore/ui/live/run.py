"""What is run: a prompt, a model and SAEs, as the page's address names them.

Leaves choosing them to `controls`, running them to `ask`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actcore.ui.live.places import model_path, sae_path

if TYPE_CHECKING:
    from actcore.live.desk import Ask
    from actcore.live.store import ModelChoice, SaeChoice


class Told(NamedTuple):
    """What the reader says of an SAE that its files do not."""

    layer: int | None = None
    site: str | None = None
    activation: str | None = None
    k: int | None = None


class Run(NamedTuple):
    """One run. `bos` None leaves it to the tokenizer; what is `told` is of the only SAE."""

    prompt: str
    model: str
    saes: tuple[str, ...]
    dtype: str | None = None
    bos: bool | None = None
    told: Told = Told()

    def model_choice(self) -> ModelChoice:
        """The model, as the desk is asked for it.

        Raises: ReadError, for one that may not be loaded here.
        """
        from actcore.live.store import ModelChoice

        return ModelChoice(model_path(self.model), dtype=self.dtype)

    def sae_choices(self) -> tuple[SaeChoice, ...]:
        """The SAEs, likewise."""
        from actcore.live.store import SaeChoice

        told = self.told if len(self.saes) == 1 else Told()
        return tuple(SaeChoice(sae_path(name), *told) for name in self.saes)

    def asked(self, *before: str) -> Ask:
        """The question that this run answers, with other prompts before its own."""
        from actcore.live.desk import Ask

        return Ask(self.model_choice(), self.sae_choices(), (*before, self.prompt), self.bos)

    def goes_with(self, other: Run) -> bool:
        """Whether all but the prompts is the same."""
        return self == other._replace(prompt=self.prompt)
