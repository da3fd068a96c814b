"""What a training of the demo can be asked for; leaves the meaning of each to its part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Steps and seed, and the sizes that the demo has."""

    steps: int = 2400
    sae_steps: int = 1600
    seed: int = 0
    n_people: int = 600
    n_held_out: int = 120
    n_variants: int = 24  # biographies of each person
    vocabulary: int = 2560
    n_layers: int = 12
    d_model: int = 128
    n_heads: int = 4
    d_mlp: int = 512
    n_positions: int = 128
    n_rows: int = 16  # of a training step
    n_free: int = 1000
    n_tokens: int = 160_000  # that the autoencoders are trained on
    n_asked: int = 8000  # last prompt tokens that the slots are trained on
