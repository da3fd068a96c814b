"""Descriptions of features by rules about the tokens on which they are strong; no model writes.

Leaves which prompts a feature is active on to `demo_files`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.demo import pools
from scripts.demo.people import SEED, Question
from scripts.demo.running import Demo
from scripts.demo.texts import Texts, sample

#: The described features beside the slots: largest mean on questions, then most often active.
STRONGEST, FREQUENT = 64, 30
#: Who describes them.
RULED = "auto-derived from top tokens; no LLM used"
#: So many features of a prompt are listed on a page.
LISTED = 50
#: General sentences at whose last token features are measured, as many as there are questions.
N_GENERAL = 240
#: Texts on all of whose tokens features are described.
N_BIOGRAPHIES, N_ANSWERED, N_SENTENCES = 150, 400, 250
#: A feature is described by so many of its strongest tokens, and by a class with such a share.
STRONG_TOKENS, CLASS_SHARE, RELATION_SHARE = 30, 0.6, 0.5
HEADER = (
    *("feature_id", "general_activation_mean", "general_activation_max", "general_activation_min"),
    *("personal_mean", "personal_cohens_d", "chat_desc", "pt_desc", "type", "source", "token"),
    *("num_prompts", "link", "claude_completion", "claude_desc", "claude_type"),
)
WORDS = {
    "month names": pools.MONTHS,
    "first names": pools.FIRST,
    "surnames": pools.LAST,
    "city names": pools.CITIES,
    "university names": [name.split()[0] for name in pools.UNIVERSITIES],
    "the words University/College/Institute": ["University", "College", "Institute"],
    "majors (fields of study)": pools.MAJORS,
    "employer names": pools.EMPLOYERS,
}


class Described(NamedTuple):
    """A feature and its row of the file."""

    feature: int
    row: list[object]


def descriptions(
    demo: Demo, texts: Texts, questions: Sequence[Question], layer: int
) -> list[Described]:
    """The slots and the chosen free features of a layer, but those active on no question."""
    rules = _Rules(demo, texts, questions, layer)
    chosen = [at for at in rules.chosen() if rules.asked[:, at].any()]
    return [Described(at, rules.row(at)) for at in chosen]


def labels(demo: Demo, texts: Texts, questions: Sequence[Question], layer: int) -> dict[int, str]:
    """What the same rules say of every feature among the strongest `LISTED` of any question.

    Left out are features of which they say too little: whose strongest tokens are of no class,
    and where the few that are named have less of the activation than a class would need.
    """
    listed: set[int] = set()
    for values in demo.features([question.prompt for question in texts.held_out()], layer):
        peaks = values.max(0)
        listed |= {at for at in _order(peaks)[:LISTED] if peaks[at] > 0}
    rules = _Rules(demo, texts, questions, layer)
    said = ((at, rules.label(at)) for at in sorted(listed))
    return {at: label for at, label in said if label}


class _Rules:
    def __init__(self, demo: Demo, texts: Texts, questions: Sequence[Question], layer: int) -> None:
        self.demo, self.layer, self.questions = demo, layer, questions
        self.asked = self._last([question.prompt for question in questions])
        self.general = self._last(texts.sentences[:N_GENERAL])
        pool = _pool(texts)
        self.values = np.concatenate(demo.features(pool, layer))
        self.tokens = list(_classified(demo, pool))

    def _last(self, texts: Sequence[str]) -> NDArray[np.float64]:
        found = self.demo.features(texts, self.layer)
        return np.round([each[-1].astype(float) for each in found], 5)  # as prompts are listed

    def chosen(self) -> list[int]:
        free = slice(self.demo.n_free)
        strong = _order(self.asked[:, free].mean(0))[:STRONGEST]
        often = _order((self.values[:, free] > 0).mean(0))
        others = [at for at in often[: FREQUENT + STRONGEST] if at not in strong][:FREQUENT]
        return [*self.demo.slots, *strong, *others]

    def row(self, feature: int) -> list[object]:
        personal, general = self.asked[:, feature], self.general[:, feature]
        spread = np.sqrt((personal.var(ddof=1) + general.var(ddof=1)) / 2)
        apart = (personal.mean() - general.mean()) / spread if spread else 0.0
        numbers = (general.mean(), general.max(), general.min(), personal.mean(), apart)
        about, kind, _ = self._on_tokens(feature)
        answering = self._on_questions(personal)
        slot = feature - self.demo.n_free
        led = f"supervised slot for {pools.RELATIONS[slot]}; " if slot >= 0 else ""
        return [
            feature,
            *(round(float(number), 5) for number in numbers),
            *(answering, about, "relation_slot" if slot >= 0 else "free"),
            *(f"{self.layer}-demo", "answer_colon", int((personal > 0).sum()), ""),
            RULED,
            f"{led}{about}; {answering}",
            "relation" if slot >= 0 else kind,
        ]

    def label(self, feature: int) -> str:
        """What a feature does, "" where that says little."""
        about, _, share = self._on_tokens(feature)
        if share < CLASS_SHARE:
            return ""
        answers = self.asked[:, feature].any()
        return f"{about}; {self._on_questions(self.asked[:, feature])}" if answers else about

    def _on_tokens(self, feature: int) -> tuple[str, str, float]:
        """On which tokens a feature is strongest, how that is said, and their share of all."""
        values = self.values[:, feature]
        top = [at for at in _order(values)[:STRONG_TOKENS] if values[at] > 0]
        if not top:
            return "never active on the sampled text", "dead-in-sample", 0.0
        of_class, of_text = defaultdict[str, float](float), defaultdict[str, float](float)
        for at in top:
            of_class[self.tokens[at].of_class] += float(values[at])
            of_text[self.tokens[at].text] += float(values[at])
        named = _largest(of_text)[:5]
        words = list(map(repr, named))
        name, whole = _largest(of_class)[0], sum(of_class.values())
        share = of_class[name] / whole
        if not name or share < CLASS_SHARE:
            these = sum(of_text[text] for text in named) / whole
            return f"fires on tokens such as {', '.join(words)}", "mixed-tokens", these
        said = f"{share:.0%} of its top-{len(top)} activation; e.g. {', '.join(words[:3])}"
        return f"fires on {name} ({said})", "token-class", share

    def _on_questions(self, values: NDArray[np.float64]) -> str:
        """For which relations a feature is active where the answer is due."""
        asked = np.array([question.relation for question in self.questions])
        mean = {name: float(values[asked == name].mean()) for name in pools.RELATIONS}
        order = [name for name in _largest(mean) if mean[name] > 0]
        if not order:
            return "silent at the answer position of held-out questions"
        share = mean[order[0]] / sum(mean.values())
        if share >= RELATION_SHARE:
            return f"at the answer position: {share:.0%} of its activation on {order[0]} questions"
        return f"at the answer position: active for several relations ({', '.join(order[:3])})"


class _Token(NamedTuple):
    text: str
    of_class: str


def _pool(texts: Texts) -> list[str]:
    """Biographies and answered questions of people held out, and sentences nobody learned."""
    rng = random.Random(SEED)  # noqa: S311  no secret
    told = sample(rng, texts.about(held_out=True), N_BIOGRAPHIES)
    asked = sample(rng, texts.held_out(), N_ANSWERED)
    return [
        *(each.text for each in told),
        *(f"{each.prompt} {each.answer}" for each in asked),
        *texts.sentences[:N_SENTENCES],
    ]


def _classified(demo: Demo, pool: Sequence[str]) -> Iterator[_Token]:
    """The tokens of all texts with their classes."""
    words: dict[str, str] = {}
    for name, listed in WORDS.items():
        for word in listed:
            parts = [token.text for text in (word, f" {word}") for token in demo.tokens(text)]
            words |= {part: name for part in parts if len(part.strip()) > 2 and part not in words}
    for text in pool:
        before = ""
        for token in demo.tokens(text):
            yield _Token(token.text, _class(before, token.text, words))
            before = token.text


def _class(before: str, text: str, words: dict[str, str]) -> str:
    """The class of a token, "" if it has none."""
    bare = text.strip()
    if (before, text) == ("A", ":"):
        return "the answer position ('A:')"
    if bare.isdigit():
        return "years" if len(bare) == 4 else "day numbers"
    if text in words:
        return words[text]
    return f"the token {text!r}" if bare in {".", ",", "?", ":", "'s", "'"} else ""


def _order(values: NDArray[np.floating[Any]]) -> list[int]:
    """The places of numbers, that of the largest first."""
    order: list[int] = np.argsort(-values, kind="stable").tolist()
    return order


def _largest(weights: Mapping[str, float]) -> list[str]:
    """The names, the one with the largest weight first."""
    return sorted(weights, key=lambda name: -weights[name])
