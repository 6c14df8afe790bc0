"""A frozen MobileNetV2 read from a quantised ``.tflite`` file, as a teacher of features.

The teacher only ever supplies regression targets during training. Nothing of it is saved with a model.

Shape letters: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tflite
import torch
import torch.nn.functional as F
from torch import Tensor

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT8: np.int8,
}
_CONVOLUTIONS = {tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D}
_TAPPED_ADDITIONS = (0, 2, 7, 9)  # the residual additions that close strides 4, 8, 16 and 32


@dataclass(frozen=True)
class _Convolution:
    source: int
    target: int
    weight: Tensor
    bias: Tensor
    stride: int
    groups: int
    is_clamped: bool


@dataclass(frozen=True)
class _Addition:
    sources: tuple[int, int]
    target: int


class MobileNetTeacher:
    """Feature maps of a frozen MobileNetV2 at strides 4, 8, 16 and 32.

    Args:
        path: A quantised MobileNetV2 classifier in TensorFlow Lite's format.

    Raises:
        EngineError: The file is not such a graph.

    Source: Sandler et al. 2018; the taps are the residual additions that end each resolution.
    """

    channels = (24, 32, 96, 160)

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        if data[4:8] != b"TFL3":
            raise _not_a_teacher(path)
        model = tflite.Model.GetRootAs(data, 0)
        self._model, self._graph = model, model.Subgraphs(0)
        self._input = self._graph.Inputs(0)
        steps: list[_Convolution | _Addition] = []
        try:
            for index in range(self._graph.OperatorsLength()):
                steps.extend(self._read_operator(self._graph.Operators(index)))
        except (KeyError, IndexError, ValueError, struct.error) as error:
            raise _not_a_teacher(path) from error
        additions = [step.target for step in steps if isinstance(step, _Addition)]
        self._taps = [additions[i] for i in _TAPPED_ADDITIONS]
        last = next(i for i, step in enumerate(steps) if step.target == self._taps[-1])
        self._steps = steps[: last + 1]

    def _code(self, operator: tflite.Operator) -> int:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        return int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))

    def _constant(self, index: int) -> np.ndarray:
        """The constant tensor as float32, with the scales stored in the file applied."""
        tensor = self._graph.Tensors(index)
        raw = self._model.Buffers(tensor.Buffer()).DataAsNumpy()
        values = np.frombuffer(raw.tobytes(), _DTYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy())
        quantization = tensor.Quantization()
        scale = quantization.ScaleAsNumpy().astype(np.float32)
        zero = quantization.ZeroPointAsNumpy().astype(np.float32)
        along = [1] * values.ndim
        if len(scale) > 1:
            along[quantization.QuantizedDimension()] = -1
        constant = (values.astype(np.float32) - zero.reshape(along)) * scale.reshape(along)
        return np.asarray(constant, np.float32)

    def _read_operator(self, operator: tflite.Operator) -> list[_Convolution | _Addition]:
        code = self._code(operator)
        inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
        if code == tflite.BuiltinOperator.ADD:
            return [_Addition((inputs[0], inputs[1]), operator.Outputs(0))]
        if code not in _CONVOLUTIONS:
            return []  # quantise, pooling and the classifier: the taps lie before or between them
        is_depthwise = code == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
        options = tflite.DepthwiseConv2DOptions() if is_depthwise else tflite.Conv2DOptions()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        weight = self._constant(inputs[1]).transpose((3, 0, 1, 2) if is_depthwise else (0, 3, 1, 2))
        return [
            _Convolution(
                source=inputs[0],
                target=operator.Outputs(0),
                weight=torch.from_numpy(weight.copy()),
                bias=torch.from_numpy(self._constant(inputs[2]).copy()),
                stride=options.StrideH(),
                groups=weight.shape[0] if is_depthwise else 1,
                is_clamped=options.FusedActivationFunction() == tflite.ActivationFunctionType.RELU6,
            )
        ]

    @torch.no_grad()
    def __call__(self, image_BCHW: Tensor) -> list[Tensor]:
        """Returns the four feature maps, finest first.

        Args:
            image_BCHW: Float RGB in [0, 1]; height and width are multiples of 32.
        """
        first = self._steps[0]
        assert isinstance(first, _Convolution)
        values = {first.source: (image_BCHW * 2 - 1).contiguous(memory_format=torch.channels_last)}
        for step in self._steps:
            if isinstance(step, _Addition):
                values[step.target] = values[step.sources[0]] + values[step.sources[1]]
            else:
                values[step.target] = _convolve(step, values[step.source])
        return [values[tap] for tap in self._taps]


def _not_a_teacher(path: Path) -> EngineError:
    message = f"{path} is not a quantised MobileNetV2: give the teacher's .tflite file."
    return EngineError(ErrorCode.WEIGHTS_INVALID, message)


def _convolve(step: _Convolution, x_BCHW: Tensor) -> Tensor:
    """One convolution with TensorFlow's SAME padding, which pads right and bottom first at stride 2."""
    kernel = step.weight.shape[-1]
    total = max(0, kernel - step.stride)
    if total and step.stride == 2:
        x_BCHW = F.pad(x_BCHW, (total // 2, total - total // 2, total // 2, total - total // 2))
        padding = 0
    else:
        padding = total // 2
    y_BCHW = F.conv2d(x_BCHW, step.weight, step.bias, step.stride, padding, groups=step.groups)
    return y_BCHW.clamp_(0, 6) if step.is_clamped else y_BCHW
