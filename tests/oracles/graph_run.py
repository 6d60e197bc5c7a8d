"""Slow, independent interpreter of a graph: each operation by its definition in docs/formats.md, in torch."""

import numpy as np
import torch
import torch.nn.functional as F

from lbrn import ternary
from oracles.fractional import starts


def run(graph, tensors, images, modules=None):
    """Return what the network returns; `tensors` by their names in `state_dict`, `modules` for operation `torch`."""
    values = {}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        given = {role: tensors[key] for role, key in node.tensors.items()}
        if node.op == "input":
            assert images.shape[2] % node.attributes["multiple"] == images.shape[3] % node.attributes["multiple"] == 0
            values[node.name] = images
        elif node.op == "torch":
            values[node.name] = modules[node.attributes["module"]](*inputs)
        else:
            values[node.name] = OPERATIONS[node.op](*inputs, **node.attributes, **given)
    outputs = [values[name] for name in graph.outputs]
    return outputs if graph.is_list else outputs[0]


def conv(x, *, weight, kernel, stride, padding, dilation, groups, bias=None):
    assert list(weight.shape[2:]) == kernel
    return F.conv2d(x, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


def ternary_conv(x, *, filter, **geometry):
    key = {name: filter[name] for name in ("seed", "name", "scheme")}
    weight = torch.from_numpy(ternary.draw(filter["shape"], filter["sparsity"], **key)).to(x.dtype)
    return conv(x, weight=weight, **geometry)


def binary_conv(x, *, weight, **geometry):
    signs = torch.where(weight < 0, -1.0, 1.0)
    scales = torch.stack([one.abs().mean() for one in weight])
    return conv(x, weight=signs * scales[:, None, None, None], **geometry)


def batch_norm(x, *, weight, bias, running_mean, running_var, eps):
    weight, bias, mean, var = (value[None, :, None, None] for value in (weight, bias, running_mean, running_var))
    return (x - mean) / torch.sqrt(var + eps) * weight + bias


def fractional_pool(x, *, ratios, index, name, draw):
    channels, height, width = x.shape[1:]
    words = ternary.philox_words(len(ratios) * channels * 2, "fractional-evaluation-1", name, draw)
    samples = ((words >> np.uint64(40)) / 2**24).reshape(len(ratios), channels, 2)[index]
    rows, columns = (max(1, int(side * ratios[index])) for side in (height, width))
    planes = []
    for c in range(channels):
        tops, lefts = starts(height, rows, samples[c, 1]), starts(width, columns, samples[c, 0])
        down = torch.stack([torch.maximum(x[:, c, top], x[:, c, top + 1]) for top in tops], dim=1)
        planes.append(torch.stack([torch.maximum(down[..., left], down[..., left + 1]) for left in lefts], dim=2))
    return torch.stack(planes, dim=1)


def upsample_nearest(x, *, scale):
    return x.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


def resize_bilinear(x, like, *, align_corners):
    return F.interpolate(x, tuple(like.shape[2:]), mode="bilinear", align_corners=align_corners)


def resize_bilinear_scale(x, *, scale, align_corners):
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=align_corners)


def avg_pool(x, *, kernel, stride, padding, count_include_pad):
    return F.avg_pool2d(x, kernel, stride, padding, count_include_pad=count_include_pad)


def stretch(x, *, eps):
    rows = []
    for channel in x.reshape(-1, *x.shape[2:]):
        rows.append((channel - channel.min()) / (channel.max() - channel.min() + eps))
    return torch.stack(rows).reshape(x.shape)


def pad_channels(x, *, extra):
    padded = torch.zeros(len(x), x.shape[1] + extra, *x.shape[2:], dtype=x.dtype)
    padded[:, : x.shape[1]] = x
    return padded


OPERATIONS = {
    "conv": conv,
    "ternary_conv": ternary_conv,
    "binary_conv": binary_conv,
    "batch_norm": batch_norm,
    "relu": lambda x: x.clamp(min=0),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "sign": lambda x: torch.where(x < 0, -1.0, 1.0),
    "add": lambda x, y: x + y,
    "multiply": lambda x, y: x * y,
    "maximum": lambda x, y: torch.where(x > y, x, y),
    "stretch": stretch,
    "cat": lambda *maps: torch.cat(maps, dim=1),
    "pad_channels": pad_channels,
    "max_pool": lambda x, *, kernel, stride, padding: F.max_pool2d(x, kernel, stride, padding),
    "avg_pool": avg_pool,
    "global_avg_pool": lambda x: x.sum(dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3]),
    "fractional_pool": fractional_pool,
    "upsample_nearest": upsample_nearest,
    "resize_bilinear": resize_bilinear,
    "resize_bilinear_scale": resize_bilinear_scale,
    "flatten": lambda x: x.reshape(x.shape[0], -1),
    "linear": lambda x, *, weight, bias=None: x @ weight.T + (0 if bias is None else bias),
}
