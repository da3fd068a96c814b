"""What can be asked of a model and its SAEs, and how each question is answered.

Leaves the order of answers, and keeping them, to `desk`.
"""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from actcore.dataset.assemble import with_key
from actcore.live.blocks import sites
from actcore.live.edits import Edit
from actcore.live.fit import place
from actcore.live.line import Check
from actcore.live.models import Model
from actcore.live.probe import Reading, reading
from actcore.live.saes import Sae
from actcore.live.steer import Steered, next_tokens, steer
from actcore.live.store import ModelChoice, SaeChoice, Store, stamp
from actcore.live.tokens import tokens
from actcore.live.unembed import feature_logits
from actcore.sites import Where

T = TypeVar("T")


@dataclass(frozen=True)
class Question(Generic[T]):
    """Something to ask of a model and SAEs; equal questions have equal answers."""

    model: ModelChoice
    saes: tuple[SaeChoice, ...]

    @abstractmethod
    def answer(self, store: Store, check: Check) -> T:
        """The answer; `check` is called again and again while it is found."""

    @property
    def key(self) -> Hashable:
        """The question and the state of the files it is about."""
        return self, stamp(self.model), *map(stamp, self.saes)

    def loaded(self, store: Store, check: Check) -> tuple[Model, list[Sae]]:
        """The model and the SAEs."""
        model, saes = store.model(self.model), []
        for choice in self.saes:
            check()
            saes.append(store.sae(choice, model.device))
        return model, saes


class SaeFacts(NamedTuple):
    """What is known of an SAE without a prompt; `where` is None where its files do not say."""

    name: str
    format: str
    d_in: int
    d_sae: int
    where: Where | None
    writes: Where | None
    n_slots: int | None
    assumed: tuple[str, ...]
    neuronpedia: str | None


class ModelFacts(NamedTuple):
    """What is known of a model, and of its SAEs, without a prompt."""

    name: str
    device: str
    dtype: str
    n_layers: int
    d_model: int
    context: int | None
    causal: bool
    sites: tuple[str, ...]
    saes: tuple[SaeFacts, ...]


class Answer(NamedTuple):
    """What the SAEs read in prompts, what the model expects behind each, and what both are.

    `next_tokens` is NEXT_TOKENS; None for an encoder.
    """

    reading: Reading
    next_tokens: pa.Table | None
    facts: ModelFacts


@dataclass(frozen=True)
class Ask(Question[Answer]):
    """Which features are active on the tokens of prompts."""

    prompts: tuple[str, ...]
    bos: bool | None = None

    def answer(self, store: Store, check: Check) -> Answer:
        """Read and continued in one pass for each prompt."""
        model, saes = self.loaded(store, check)
        expects = model.causal and self.prompts
        behind = self._behind(model, saes, store, check) if expects else None
        read = reading(model, saes, self.prompts, bos=self.bos, streams=store.streams, check=check)
        # Nearly all of an answer's bytes, and the same in all answers on these SAEs.
        features = store.shared(self.saes, read.dataset.features)
        dataset = replace(read.dataset, features=features)
        return Answer(read._replace(dataset=dataset), behind, _of_model(model, saes))

    def _behind(self, model: Model, saes: list[Sae], store: Store, check: Check) -> pa.Table:
        """What is expected behind each prompt; what the SAEs will read stays in the streams."""
        wheres = {place(model, sae) for sae in saes} | {sae.writes for sae in saes if sae.writes}
        tables = []
        for number, prompt in enumerate(self.prompts):
            ids = tokens(model, prompt, bos=self.bos).ids
            _, logits = store.streams.with_logits(model, ids, wheres, check=check)
            table = next_tokens(model, logits)
            tables.append(with_key(table, "prompt", np.full(len(table), number)))
        return pa.concat_tables(tables)


@dataclass(frozen=True)
class Steering(Question[Steered]):
    """What the model expects and writes behind a prompt while features are edited."""

    prompt: str
    edits: tuple[Edit, ...]
    k: int = 10
    n_tokens: int = 0
    temperature: float = 0.0
    seed: int = 0
    bos: bool | None = None

    def answer(self, store: Store, check: Check) -> Steered:
        """As `steer` gives it."""
        model, saes = self.loaded(store, check)
        return steer(
            model,
            saes,
            self.prompt,
            self.edits,
            k=self.k,
            n_tokens=self.n_tokens,
            temperature=self.temperature,
            seed=self.seed,
            bos=self.bos,
            check=check,
        )


@dataclass(frozen=True, init=False)
class Logits(Question[pa.Table]):
    """Which tokens a feature promotes and suppresses: FEATURE_LOGITS."""

    index: int
    k: int

    def __init__(self, model: ModelChoice, sae: SaeChoice, index: int, k: int = 10) -> None:
        super().__init__(model, (sae,))
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "k", k)

    def answer(self, store: Store, check: Check) -> pa.Table:
        """As `feature_logits` gives them."""
        model, [sae] = self.loaded(store, check)
        return feature_logits(model, sae, self.index, k=self.k)


def _of_model(model: Model, saes: Sequence[Sae]) -> ModelFacts:
    return ModelFacts(
        model.name,
        str(model.device),
        str(model.dtype).removeprefix("torch."),
        model.n_layers,
        model.d_model,
        model.context,
        model.causal,
        sites(model.lm),
        tuple(map(_of_sae, saes)),
    )


def _of_sae(sae: Sae) -> SaeFacts:
    return SaeFacts(
        sae.name,
        sae.format,
        sae.d_in,
        sae.d_sae,
        None if sae.layer is None or sae.site is None else Where(sae.layer, sae.site),
        sae.writes,
        sae.n_slots,
        sae.assumed,
        sae.neuronpedia,
    )
