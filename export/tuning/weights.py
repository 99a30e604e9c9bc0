"""A bundle's recognizer as a checkpoint again, to go on training from: its weights come out of the ONNX file.

Export folds batch norms into the convolutions before them. They come back as norms that change nothing but add what is
left of them, a bias for each channel; a trainer must leave their statistics alone (`fixed_norms`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.checkpoints.files import State
from ...runtime.bundles.bundle import Bundle
from ...runtime.bundles.manifest import RecognizerSpec
from ...runtime.errors import CheckpointError, ParityError
from ..networks import load_recognizer
from ..onnx_file import load
from ..onnx_graph import Graph
from ..parity import check_parity, recognizer_cases

if TYPE_CHECKING:
    from ...models.recognizer import Recognizer

NETWORK = "network."
"""Before the names of most weights in a graph, see `RecognizerGraph`."""
OPEN = "None-(VGG|ResNet)-(None|BiLSTM)-CTC"
"""Stages whose weights all stand in a graph, each once."""
KEPT = "stages", "charset", "image_hw", "widths", "channels", "max_length", "keep_ratio", "stretch", "even_contrast"
"""What a bundle says of its recognizer as EdgeReader's trainer does beside the weights."""


def write_checkpoint(bundle: Bundle, checkpoint: Path | None, to: Path) -> None:
    """Write a bundle's recognizer as a checkpoint of EdgeReader's trainer.

    `checkpoint`: the file that the bundle was exported from; None = the weights come out of its ONNX file, see `OPEN`.

    Raises:
        BundleError: no recognizer, or a damaged file.
        CheckpointError: the file is another network's, or the weights cannot be taken from the graph.
    """
    import torch

    spec, graph = bundle.recognizer, bundle.file("recognizer")
    if checkpoint is not None:
        network = load_recognizer(checkpoint, spec.image_hw, spec.max_length, even_contrast=spec.even_contrast)
    else:
        network = network_in(graph, spec)
    try:
        check_parity(graph, recognizer_cases(network, spec.widths))
    except (ParityError, ValueError) as exc:
        source = checkpoint or graph
        raise CheckpointError(
            f"{source}: expected the weights that {graph} was exported from, got others; give the right --checkpoint"
        ) from exc
    told = {name: getattr(spec, name) for name in KEPT}
    config = {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
    torch.save({"state_dict": network.state_dict(), "config": config}, to)


def network_in(graph: Path, spec: RecognizerSpec) -> Recognizer:
    """Return the network that a graph was exported from, as far as that can be told. Raise CheckpointError."""
    from ...models.recognizer import Recognizer, RecognizerConfig

    if not re.fullmatch(OPEN, spec.stages):
        raise CheckpointError(
            f"{graph}: expected a recognizer of VGG or ResNet with CTC, without TPS, whose weights can be had "
            f"from the graph, got {spec.stages}; give the file that the bundle was exported from: --checkpoint FILE"
        )
    try:
        found = dict(weights_in(Graph(load(graph)), 2 if "-BiLSTM-" in spec.stages else 0))
        hidden = next((value.shape[1] for key, value in found.items() if key.endswith("rnn.weight_hh_l0")), None)
        network = Recognizer(
            RecognizerConfig(
                spec.stages,
                spec.classes,
                spec.image_hw,
                spec.channels,
                spec.width,
                hidden,
                even_contrast=spec.even_contrast,
            )
        )
        fill(network, found)
    except (LookupError, RuntimeError, ValueError) as exc:
        raise CheckpointError(
            f"{graph}: expected the weights of {spec.stages} under their names, got others ({exc}); give the file that "
            "the bundle was exported from: --checkpoint FILE"
        ) from exc
    return network.eval()


def weights_in(graph: Graph, sequences: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the weights in a graph by the names that they have in the network; linear layers and LSTMs by their order.

    Equal tensors are stored once in a graph, under the name of one of them: of what a node takes, only the weights of
    a convolution tell which layer it is.
    """
    lstms = (f"SequenceModeling.{number}.rnn." for number in range(sequences))
    linears = iter([*(f"SequenceModeling.{number}.linear" for number in range(sequences)), "Prediction"])
    for node in graph.graph.node:
        stored = [name for name in node.input if name in graph.initializers]
        if node.op_type == "Conv":
            layer = stored[0].removeprefix(NETWORK).removesuffix(".weight")
            yield from zip((f"{layer}.weight", f"{layer}.bias"), map(graph.array, stored), strict=False)
        elif node.op_type == "LSTM":
            yield from lstm_weights(next(lstms), *map(graph.array, stored[:3]))
        elif node.op_type == "MatMul" and stored:
            layer, add = next(linears), graph.users(node.output[0])[0]
            bias = next(name for name in add.input if name in graph.initializers)
            yield from ((f"{layer}.weight", graph.array(stored[0]).T), (f"{layer}.bias", graph.array(bias)))


def lstm_weights(
    before: str, weights: NDArray[Any], recurrence: NDArray[Any], biases: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the weights of an ONNX LSTM, forward and backward, as torch names and orders them."""
    for way, name in enumerate(("l0", "l0_reverse")):
        inner, outer = np.split(biases[way], 2)
        parts = {"weight_ih": weights[way], "weight_hh": recurrence[way], "bias_ih": inner, "bias_hh": outer}
        yield from ((f"{before}{part}_{name}", torch_gates(rows)) for part, rows in parts.items())


def torch_gates(rows: NDArray[Any]) -> NDArray[Any]:
    """Reorder an LSTM's weights from ONNX's gates (in, out, forget, cell) to torch's (in, forget, cell, out)."""
    enter, leave, forget, candidate = np.split(rows, 4)
    return np.concatenate([enter, forget, candidate, leave])


def fill(network: Recognizer, found: dict[str, NDArray[Any]]) -> None:
    """Give a network the weights of a graph; a batch norm that was folded changes nothing but adds its bias.

    Raises:
        KeyError, RuntimeError: a weight is not there, or has another shape.
    """
    import torch
    from torch import nn

    state: State = {}
    norms = {name: module for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    for norm, convolution in folded_norms(network).items():
        ones = torch.ones(norms[norm].num_features)
        bias = torch.from_numpy(np.array(found.get(f"{convolution}.bias", np.zeros(len(ones), np.float32))))
        state |= {f"{norm}.running_mean": 0 * ones, f"{norm}.running_var": ones, f"{norm}.bias": bias}
        state[f"{norm}.weight"] = (ones.double() + norms[norm].eps).sqrt().float()
    for key, value in network.state_dict().items():
        if key not in state and key.endswith((".bias", "num_batches_tracked")):  # a bias of zeros is left out
            state[key] = torch.from_numpy(np.array(found[key])) if key in found else torch.zeros_like(value)
        elif key not in state:
            state[key] = torch.from_numpy(np.array(found[key]))
    network.load_state_dict(state)


def folded_norms(network: Recognizer) -> dict[str, str]:
    """Return the batch norms of a network: each with the convolution before it, as the network runs."""
    import torch
    from torch import nn

    made: dict[int, str] = {}
    pairs: dict[str, str] = {}
    kept: list[torch.Tensor] = []

    def note(name: str) -> Any:
        def after(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            if isinstance(module, nn.Conv2d):
                made[id(output)] = name
                kept.append(output)  # so that no other tensor gets its id
            else:
                pairs[name] = made[id(inputs[0])]

        return after

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))
    ]
    with torch.inference_mode():
        config = network.config
        network.eval()(torch.zeros(1, config.channels, *config.image_hw))
    for hook in hooks:
        hook.remove()
    return pairs
