"""Visits of one desk by threads, held to runs of each prompt alone; prints JSON.

Leaves what the numbers mean to `sessions`.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import torch

from actcore.live.desk import Answer, Ask, Desk
from actcore.live.line import Check
from actcore.live.logits import last_logits
from actcore.live.models import load_model
from actcore.live.probe import reading
from actcore.live.saes import load_sae
from actcore.live.store import ModelChoice, SaeChoice, Store
from actcore.live.tokens import tokens
from benchmarks.harness import ROOT

N_VISITORS, N_PROMPTS = 20, 10
MARKS = (20, 100, 200)
_DEMO = ROOT / "sample_data" / "demo_model"
_MODEL = ModelChoice(str(_DEMO), "cpu")
_SAES = tuple(
    SaeChoice(str(_DEMO / "saes" / f"blocks.{layer}.hook_resid_pre")) for layer in (2, 6, 10)
)

T = TypeVar("T")
Alone = tuple[list[pa.Table], list[int]]


@dataclass(frozen=True)
class Watched(Ask):
    """A question that writes down when it is answered."""

    answered: list[Ask] = field(default_factory=list, compare=False)

    def answer(self, store: Store, check: Check) -> Answer:
        """As any question."""
        found = super().answer(store, check)
        self.answered.append(self)
        return found


def main() -> None:
    """200 prompts, 200 others, and those again; on one thread, as others may use this machine."""
    torch.set_num_threads(1)
    prompts = _prompts(2 * N_VISITORS * N_PROMPTS)
    expected = _alone(prompts)
    half = len(prompts) // 2
    desk = Desk()
    visits = {
        "first prompts": prompts[:half],
        "other prompts": prompts[half:],
        "the other prompts again": prompts[half:],
    }
    print(json.dumps({name: _visit(desk, each, expected) for name, each in visits.items()}))


def _prompts(n: int) -> list[str]:
    with gzip.open(_DEMO / "questions.jsonl.gz", "rt", encoding="utf-8") as lines:
        every = sorted({json.loads(line)["question"] for line in lines})
    return every[:: len(every) // n][:n]


def _alone(prompts: Sequence[str]) -> dict[str, Alone]:
    """Each prompt's tables, and the tokens likeliest to follow, by a run of its own."""
    model, saes = load_model(_MODEL.name, device="cpu"), [load_sae(sae.path) for sae in _SAES]
    found = {}
    for prompt in prompts:
        logits = last_logits(model, tokens(model, prompt).ids)
        found[prompt] = _tables(reading(model, saes, prompt)), logits.topk(10).indices.tolist()
    return found


def _tables(read: Any) -> list[pa.Table]:
    dataset = read.dataset
    return [dataset.prompts, dataset.tokens, dataset.activations]


def _visit(desk: Desk, prompts: Sequence[str], expected: dict[str, Alone]) -> dict[str, Any]:
    asked: list[Ask] = []
    answered: list[Ask] = []
    waits: list[float] = []
    wrong: list[str] = []
    resident = [_resident()]
    together, lock = threading.Barrier(N_VISITORS), threading.Lock()

    def visitor(own: Sequence[str]) -> None:
        together.wait()
        for prompt in own:
            question = Watched(_MODEL, _SAES, (prompt,), answered=answered)
            begun = time.perf_counter()
            with lock:
                ticket = desk.ask(question)
                if not ticket.done:
                    asked.append(question)
            answer = ticket.result()
            wait = 1000 * (time.perf_counter() - begun)
            if not _right(answer, expected[prompt]):
                wrong.append(prompt)
            del ticket, answer
            with lock:
                waits.append(wait)
                n = len(waits)
            if n in MARKS:
                resident.append(_resident())

    begun = time.perf_counter()
    _in_threads(visitor, [prompts[n::N_VISITORS] for n in range(N_VISITORS)])
    wall = time.perf_counter() - begun
    return {
        "waits": waits,
        "wall": wall,
        "n_wrong": len(wrong),
        "n_out_of_order": sum(one is not other for one, other in zip(asked, answered, strict=True)),
        "resident": resident,
    }


def _right(answer: Answer, expected: Alone) -> bool:
    read, likeliest = expected
    assert answer.next_tokens is not None
    said = answer.next_tokens["token"].to_pylist()
    return _tables(answer.reading) == read and said == likeliest


def _in_threads(work: Callable[[T], None], parts: Sequence[T]) -> None:
    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _resident() -> float:
    """Memory of this process in MB."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
