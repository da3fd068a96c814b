"""A sparse autoencoder and its training; leaves what its slots separate to `separation`.

z = ReLU(h W_enc + b_enc), h' = z W_dec + b_dec. The last features are slots, one a relation,
trained to be active where a question about it is due to be answered; the others are free.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from scripts.demo.pools import RELATIONS
from scripts.demo.settings import Settings

N_SLOTS = len(RELATIONS)
TOKENS, ASKED = 1024, 192  # of one step
RATE, WARM_UP, FLAT, LOWEST = 2e-3, 50, 0.7, 0.03
LARGEST_GRADIENT = 1.0
#: What a slot's pre-activation is trained to be at its relation, and to stay below elsewhere.
TARGET, QUIET = 2.0, -0.5
SLOT_WEIGHT, QUIET_WEIGHT, SHARED_WEIGHT = 0.3, 0.1, 0.1
#: How many free features are wanted active on a token.
ACTIVE = 24
#: When free features that have died are made anew, as shares of the steps.
REVIVED = (0.25, 0.4, 0.55)
PRECISION = torch.bfloat16
REPORTED = 400


class Coder(NamedTuple):
    """The weights; they act on the residual stream as it is."""

    W_enc: Tensor  # [d_model, feature]
    b_enc: Tensor
    W_dec: Tensor  # [feature, d_model]
    b_dec: Tensor

    def encode(self, hidden: Tensor) -> Tensor:
        """The activation of every feature, [token, feature]."""
        return torch.relu(hidden.float() @ self.W_enc + self.b_enc)

    def decode(self, features: Tensor) -> Tensor:
        """The residual stream that features stand for, [token, d_model]."""
        return features @ self.W_dec + self.b_dec

    def save(self, folder: Path, layer: int) -> None:
        """Writes the two files of a SAELens folder, in float16."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: each.half().contiguous() for name, each in self._asdict().items()}
        save_file(weights, folder / "sae_weights.safetensors")
        config = json.dumps(self._config(layer), indent=1)
        (folder / "cfg.json").write_text(f"{config}\n", encoding="utf-8")

    def _config(self, layer: int) -> dict[str, object]:
        d_model, d_sae = self.W_enc.shape
        n_free = d_sae - N_SLOTS
        return {
            "architecture": "standard",
            "d_in": d_model,
            "d_sae": d_sae,
            "dtype": "float32",
            "device": "cpu",
            "apply_b_dec_to_input": False,
            "normalize_activations": "none",
            "reshape_activations": "none",
            "metadata": {
                "sae_lens_version": "6.0.0",
                "hook_name": f"blocks.{layer}.hook_resid_pre",
                "hook_head_index": None,
                "prepend_bos": False,
                "hf_hidden_states_index": layer,
                "n_free": n_free,
                "n_relation": N_SLOTS,
                "relation_slots": {name: n_free + at for at, name in enumerate(RELATIONS)},
            },
        }


def load(folder: Path) -> Coder:
    """The coder of a SAELens folder, in float32."""
    weights = load_file(folder / "sae_weights.safetensors")
    return Coder(**{name: each.float() for name, each in weights.items()})


class Residuals(NamedTuple):
    """One layer's residual streams to train on, [token, d_model]."""

    tokens: Tensor
    prompt_ends: Tensor  # bool, [token]: where slots may be active
    asked: Tensor  # at the last tokens of questions
    relations: Tensor  # [question]


def train(given: Residuals, settings: Settings) -> Coder:
    """A coder for one layer; the same one every time."""
    return _Training(given, settings).run()


class _Training:
    """Works on centred streams of mean square 1, with features as rows."""

    def __init__(self, given: Residuals, settings: Settings) -> None:
        self.random = torch.Generator().manual_seed(settings.seed)
        self.steps, self.n_free = settings.sae_steps, settings.n_free
        self.mean = given.tokens.float().mean(0)
        self.scale = (given.tokens.float() - self.mean).square().mean().sqrt()
        self.given = given._replace(asked=(given.asked.float() - self.mean) / self.scale)
        self.parameters = [each.requires_grad_() for each in self._start(len(self.mean))]
        self.optimizer = torch.optim.Adam(self.parameters, lr=RATE, betas=(0.9, 0.99), fused=True)
        self.sparsity, self.active = 0.005, float(ACTIVE)
        self.lively = torch.zeros(self.n_free)

    def _start(self, d_model: int) -> list[Tensor]:
        """Random directions for free features, what sets a relation apart for its slot."""
        directions = torch.randn(self.n_free, d_model, generator=self.random)
        directions = functional.normalize(directions)
        asked, relations = self.given.asked, self.given.relations
        of_relation = [asked[relations == at].mean(0) for at in range(N_SLOTS)]
        slots = functional.normalize(torch.stack(of_relation) - asked.mean(0))
        encoder, decoder = (
            torch.cat([directions * 0.8, slots * 0.1]),
            torch.cat([directions, slots]),
        )
        bias = torch.zeros(len(encoder))
        bias[: self.n_free] = -0.6
        return [encoder, bias, decoder, torch.zeros(d_model)]

    def run(self) -> Coder:
        started = time.monotonic()
        for step in range(self.steps):
            done = step / self.steps
            falling = 1.0 if done < FLAT else max(LOWEST, (1 - done) / (1 - FLAT))
            self.optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * falling
            loss, free, missed = self._loss(min(1.0, done / 0.1 + 0.05))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.parameters, LARGEST_GRADIENT)
            self.optimizer.step()
            self._steer(free, done)
            if step in {int(self.steps * share) for share in REVIVED}:
                self._revive(missed)
            if step % REPORTED == 0:
                seconds = time.monotonic() - started
                speed = (TOKENS + ASKED) * (step + 1) / seconds
                print(
                    f"  step {step} of {self.steps}: loss {loss.item():.4f}, {self.active:.1f}"
                    f" active, {speed:.0f} tokens/s",
                    flush=True,
                )
        return self._folded()

    def _loss(self, ramp: float) -> tuple[Tensor, Tensor, Tensor]:
        """The loss; then of the tokens alone free activations, and what was not reconstructed."""
        given, (encoder, bias, decoder, decoder_bias) = self.given, self.parameters
        at = torch.randint(0, len(given.tokens), (TOKENS,), generator=self.random)
        asked = torch.randint(0, len(given.asked), (ASKED,), generator=self.random)
        tokens = (given.tokens[at].float() - self.mean) / self.scale
        x = torch.cat([tokens, given.asked[asked]])
        pre = (x.to(PRECISION) @ encoder.to(PRECISION).T).float() + bias
        features = functional.relu(pre)
        rows = functional.normalize(decoder)
        missed = x - (features.to(PRECISION) @ rows.to(PRECISION)).float() - decoder_bias
        free = features[:, : self.n_free]
        slots = pre[:, self.n_free :]
        loss = (
            missed.square().mean()
            + self.sparsity * ramp * free.sum(1).mean()
            + SLOT_WEIGHT * _slot_loss(slots[TOKENS:], given.relations[asked])
            + QUIET_WEIGHT * _quiet_loss(slots[:TOKENS], given.prompt_ends[at])
            + SHARED_WEIGHT * self._shared(features[TOKENS:])
        )
        return loss, free[:TOKENS].detach(), missed[:TOKENS].detach()

    def _shared(self, asked: Tensor) -> Tensor:
        """How much slots and free features vary together."""
        centred = asked - asked.mean(0)
        return (centred[:, self.n_free :].T @ centred[:, : self.n_free] / ASKED).square().sum()

    def _steer(self, free: Tensor, done: float) -> None:
        """Raises the weight of sparsity while too many free features are active, or lowers it."""
        active = (free > 0).float()
        self.active = 0.95 * self.active + 0.05 * active.sum(1).mean().item()
        self.lively = torch.maximum(self.lively * 0.99, active.amax(0))
        if 0.1 < done < 0.85:
            off = max(-1.0, min(1.0, (self.active - ACTIVE) / ACTIVE))
            self.sparsity = max(1e-4, min(0.5, self.sparsity * 1.02**off))

    @torch.no_grad()
    def _revive(self, missed: Tensor) -> None:
        """Points free features that have died at what was reconstructed worst."""
        dead = (self.lively < 0.05).nonzero().squeeze(1)
        if not len(dead):
            return
        badness = missed.square().sum(1)
        again = len(dead) > len(missed)
        at = torch.multinomial(badness, len(dead), replacement=again, generator=self.random)
        directions = functional.normalize(missed[at])
        encoder, bias, decoder, _ = self.parameters
        encoder[dead], bias[dead], decoder[dead] = directions * 0.5, 0.0, directions
        for parameter in (encoder, bias, decoder):
            moments = self.optimizer.state[parameter]
            moments["exp_avg"][dead] = moments["exp_avg_sq"][dead] = 0

    @torch.no_grad()
    def _folded(self) -> Coder:
        """The coder with centre and scale in its weights: it keeps activations as they are."""
        encoder, bias, decoder, decoder_bias = self.parameters
        rows = encoder / self.scale
        return Coder(
            W_enc=rows.T,
            b_enc=bias - rows @ self.mean,
            W_dec=functional.normalize(decoder) * self.scale,
            b_dec=decoder_bias * self.scale + self.mean,
        )


def _slot_loss(slots: Tensor, relations: Tensor) -> Tensor:
    """How far pre-activations are from the target at the own relation, and from quiet elsewhere."""
    own = functional.one_hot(relations, N_SLOTS).bool()
    wrong = torch.where(own, slots - TARGET, functional.relu(slots - QUIET))
    return wrong.square().sum(1).mean()


def _quiet_loss(slots: Tensor, prompt_ends: Tensor) -> Tensor:
    """How far pre-activations are from quiet on tokens where no slot is wanted."""
    loud = functional.relu(slots - QUIET).square().sum(1)
    return torch.where(prompt_ends, 0.0, loud).mean()
