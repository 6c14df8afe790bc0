"""Everything that decides how a run trains: frozen dataclasses, written whole into the run folder."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from geophrase.training.baselines.early_fusion import EarlyFusionConfig
from geophrase.training.baselines.models import ModelConfig
from geophrase.training.data.augment import AugmentConfig
from geophrase.training.data.phrases import SamplerConfig
from geophrase.training.objective.clicks import ClickConfig
from geophrase.training.objective.losses import LossConfig

_Config = TypeVar("_Config")

_SIDE_PX = 32  # the coarsest map's stride


@dataclass(frozen=True)
class DataConfig:
    """What a batch is made of.

    Attributes:
        batch_size: Images per batch of one process.
        queries_per_image: Phrases asked of each image; its encoding is shared by them.
        is_phrase_per_sample: Whether every stored phrase is a sample of its own with its image, so that an
            epoch passes over the pairs as the papers count them; none is then made from labelled objects.
        image_px: Input sides, one drawn per batch; multiples of 32.
        augment: Changes to the images that keep the phrases true; None for whole images as they are.
        phrases: Shares of the kinds of phrases drawn for images with labelled objects.
        typed_share: How often an image that people typed phrases for is asked those instead, from 0 to 1.
    """

    batch_size: int = 8
    queries_per_image: int = 5
    is_phrase_per_sample: bool = False
    image_px: tuple[int, ...] = (384,)
    augment: AugmentConfig | None = field(default_factory=AugmentConfig)
    phrases: SamplerConfig = field(default_factory=SamplerConfig)
    typed_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuses batches of nothing.

        Raises:
            ValueError: A number is out of its range, or an input side is not a multiple of 32.
        """
        if not 0 <= self.typed_share <= 1:
            raise ValueError(f"'typed_share' is from 0 to 1, not {self.typed_share}")
        _refuse_below(1, batch_size=self.batch_size, queries_per_image=self.queries_per_image)
        if not self.image_px:
            raise ValueError("'image_px' needs at least one side")
        _refuse_odd_sides(*self.image_px)


@dataclass(frozen=True)
class GroupConfig:
    """How one part of the model moves.

    Attributes:
        rate_factor: Multiplies the learning rate.
        weight_decay: Of weight matrices and kernels; norms, biases and embeddings have none.
    """

    rate_factor: float = 1.0
    weight_decay: float = 0.02


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and its schedule: linear warm-up, then half a cosine over the run's budget.

    Attributes:
        learning_rate: Peak rate.
        trunk: The image encoder's trunk, which starts pre-trained.
        text_encoder: The text encoder, where ``model.text.is_frozen`` releases it.
        rest: Everything else.
        warmup_fraction: Share of the budget spent warming up.
        final_rate_fraction: Rate at the end as a share of the peak.
        max_gradient_norm: Gradients are scaled down to this norm.
        accumulated_batches: Batches per update.
        ema_decay: Of the moving average of the weights, which is what is validated and exported.
    """

    learning_rate: float = 1e-3
    trunk: GroupConfig = field(default_factory=GroupConfig)
    text_encoder: GroupConfig = field(default_factory=GroupConfig)
    rest: GroupConfig = field(default_factory=GroupConfig)
    betas: tuple[float, float] = (0.9, 0.98)
    warmup_fraction: float = 0.03
    final_rate_fraction: float = 0.01
    max_gradient_norm: float = 1.0
    accumulated_batches: int = 1
    ema_decay: float = 0.999

    def __post_init__(self) -> None:
        """Refuses what no schedule or average can be made of.

        Raises:
            ValueError: A number is out of its range.
        """
        _refuse_below(0, learning_rate=self.learning_rate, max_gradient_norm=self.max_gradient_norm)
        _refuse_below(1, accumulated_batches=self.accumulated_batches)
        for name in ("warmup_fraction", "final_rate_fraction", "ema_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"'{name}' is from 0 to 1, not {getattr(self, name)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"'betas' are at least 0 and less than 1, not {self.betas}")


@dataclass(frozen=True)
class TrainableConfig:
    """Which parts of the model move.

    The text encoder has its own field, ``model.text.is_frozen``, because weights files depend on it.

    Attributes:
        is_image_encoder_frozen: Whether trunk and neck stay as they are, batch statistics too (the second
            asterisk of Table 12).
        is_refiner_alone: Whether nothing but the model's prompt refiner trains, on the answers of the rest.
        low_rank: Rank of the updates that train in place of the linear layers' weights in guidance and
            decoder and of a Hiera trunk's queries and values, 0 for whole weights. They are merged into the
            exported weights.

    Source: RSAM Table 12; low-rank updates: Hu et al. 2021, equation 3.
    """

    is_image_encoder_frozen: bool = False
    is_refiner_alone: bool = False
    low_rank: int = 0

    def __post_init__(self) -> None:
        """Refuses a rank that no matrix has.

        Raises:
            ValueError: The rank is negative.
        """
        _refuse_below(0, low_rank=self.low_rank)


@dataclass(frozen=True)
class ExecutionConfig:
    """How updates are computed; none of it changes what is learned beyond rounding.

    Attributes:
        parallel: One process; DDP, a copy of the model on each; or FSDP2, its parameters sharded among them.
            With more than one process ``torchrun`` or the cluster says who takes part.
        is_bfloat16: Whether matrix products and convolutions run in bfloat16.
        is_compiled: Whether ``torch.compile`` fuses the encoder and the decoder.
        is_activation_checkpointed: Whether the trunk's blocks are computed again in the backward pass,
            instead of keeping their activations.
    """

    parallel: Literal["none", "ddp", "fsdp2"] = "none"
    is_bfloat16: bool = True
    is_compiled: bool = False
    is_activation_checkpointed: bool = False


@dataclass(frozen=True)
class AuxiliaryConfig:
    """Weight of an optional auxiliary loss on the trunk's maps, falling linearly to zero.

    Attributes:
        weight: At the start of the run.
        until_fraction: Share of the budget after which it is gone.
    """

    weight: float = 1.0
    until_fraction: float = 0.5

    def weight_at(self, progress: float) -> float:
        """The weight when a share of the budget in [0, 1] is spent."""
        return self.weight * max(0.0, 1 - progress / self.until_fraction) if self.until_fraction > 0 else 0.0


@dataclass(frozen=True)
class ValidationConfig:
    """When and on what a run is validated; the best of its weights by mIoU are exported.

    Attributes:
        num_rounds: Validations over the run, evenly spread over its budget; the last at its end.
        max_images: Images of the validation split that are used, 0 for all.
        image_px: Input side.
        num_panels: Phrases drawn as pictures at each round.
    """

    num_rounds: int = 8
    max_images: int = 0
    image_px: int = 512
    num_panels: int = 12

    def __post_init__(self) -> None:
        """Refuses a validation that can't be made.

        Raises:
            ValueError: A number is negative, or the input side is not a multiple of 32.
        """
        _refuse_below(0, num_rounds=self.num_rounds, max_images=self.max_images, num_panels=self.num_panels)
        _refuse_odd_sides(self.image_px)


@dataclass(frozen=True)
class Budget:
    """How long a run trains; the schedule follows whichever bound is nearer.

    Attributes:
        epochs: Passes over the training data, which become steps once the data are known; None for no bound.
        steps: Updates, or None for no bound.
        minutes: Wall time with validation and earlier parts of a resumed run, or None for no bound.
    """

    steps: int | None = None
    minutes: float | None = None
    epochs: float | None = None

    def __post_init__(self) -> None:
        """Refuses a run without an end.

        Raises:
            ValueError: No bound is given, or one is not positive.
        """
        given = [bound for bound in (self.steps, self.minutes, self.epochs) if bound is not None]
        if not given or min(given) <= 0:
            raise ValueError("a run needs a positive number of steps, minutes or epochs")

    def in_steps(self, updates_per_epoch: int) -> Budget:
        """The same budget with its epochs as steps, whichever bound of the two is nearer."""
        if self.epochs is None:
            return self
        steps = max(1, round(self.epochs * updates_per_epoch))
        return Budget(min(steps, self.steps or steps), self.minutes)

    def progress(self, step: int, elapsed_s: float) -> float:
        """The share of the budget that is spent, in [0, 1]; epochs must have become steps."""
        assert self.epochs is None
        by_steps = step / self.steps if self.steps else 0.0
        by_time = elapsed_s / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        model: The model that is trained.
        checkpoint_minutes: Wall time between checkpoints.
        log_steps: Updates between lines of the metrics file.
    """

    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    clicks: ClickConfig = field(default_factory=ClickConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainable: TrainableConfig = field(default_factory=TrainableConfig)
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    auxiliary: AuxiliaryConfig = field(default_factory=AuxiliaryConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    budget: Budget = field(default_factory=lambda: Budget(steps=1000))
    checkpoint_minutes: float = 5.0
    log_steps: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses a log without lines, and prompts that the model does not take.

        Raises:
            ValueError: The metrics file would never get a line, or the model would be clicked on in vain.
        """
        _refuse_below(1, log_steps=self.log_steps)
        if isinstance(self.model, EarlyFusionConfig) and self.clicks.batch_probability > 0:
            raise ValueError(f"{self.model.name} takes text alone: 'clicks.batch_probability' is 0 for it")

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values for JSON."""
        return asdict(self)


def _refuse_below(least: float, **settings: float) -> None:
    for name, value in settings.items():
        if value < least:
            raise ValueError(f"'{name}' is at least {least}, not {value}")


def _refuse_odd_sides(*sides_px: int) -> None:
    if any(side <= 0 or side % _SIDE_PX for side in sides_px):
        raise ValueError(f"'image_px' takes multiples of {_SIDE_PX}, not {', '.join(map(str, sides_px))}")


def with_settings(config: _Config, settings: Sequence[str]) -> _Config:
    """Returns the configuration with fields changed by dotted names, as in ``optimizer.learning_rate=1e-4``.

    Values are Python literals; anything else is taken as text.

    Raises:
        ValueError: There is no such field, the value is of another kind, or the text is not name=value.
    """
    for setting in settings:
        name, separator, text = setting.partition("=")
        if not separator:
            raise ValueError(f"'{setting}' is not of the form name=value")
        config = _with_field(config, name.split("."), _parsed(text))
    return config


def _parsed(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _with_field(config: Any, path: Sequence[str], value: Any) -> Any:
    name, *inner = path
    known = get_type_hints(type(config)) if is_dataclass(config) else {}
    if name not in known:
        choices = f"; there are {', '.join(known)}" if known else f" of {config!r}"
        raise ValueError(f"there is no setting '{name}'{choices}")
    if inner:
        value = _with_field(getattr(config, name), inner, value)
    elif not _fits(value, known[name]):
        raise ValueError(f"'{name}' takes {_wanted(known[name])}, not {value!r}")
    return replace(config, **{name: value})


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value may be given to a field of an annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        hints = inner[:1] * len(value) if inner[-1] is ... and isinstance(value, tuple) else inner
        return isinstance(value, tuple) and len(value) == len(hints) and all(map(_fits, value, hints))
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return isinstance(value, hint)


def _wanted(hint: Any) -> str:
    """An annotated type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_wanted(one) for one in inner))
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin is tuple:
        return "a list in brackets such as (1, 2)"
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "a text", NoneType: "None"}
    return names.get(hint, "its fields one by one")


def differing_fields(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Returns the dotted names of the fields in which two plain configurations differ."""
    names = []
    for key in sorted(first.keys() | second.keys()):
        one, other = first.get(key), second.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            names += differing_fields(one, other, f"{prefix}{key}.")
        elif one != other:
            names.append(prefix + key)
    return names
