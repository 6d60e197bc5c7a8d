"""Table 9's four costs together: no plausible ResNet-56 has them. A search, whose arithmetic test_resnet.py holds.

Published: 0.48 and 0.19 M parameters, 0.069 and 0.034 GFLOPs. Searched are all bottleneck networks of three stages of
six blocks whose later stages halve the map: channels, expansion, stem, shortcuts, which convolution strides, whether
the normalisations count as parameters, and whether an operation is a multiply-accumulate or half of one.
"""

import itertools

PUBLISHED = (0.48, 0.19, 0.069, 0.034)
CHANNELS = (8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128)


def costs(widths, expansion, stem, projection, early, sides=(32, 16, 8)):
    """Weights, affine parameters and MACs without the bottlenecks' 3x3 convolutions, and those of the latter."""
    weights, affine, macs, fixed, free = 27 * stem + 10 * widths[-1] * expansion, 0, 27 * stem * 1024, 0, 0
    channels, before = stem, sides[0]
    for width, side in zip(widths, sides, strict=True):
        out = width * expansion
        for block in range(6):
            here = before if block == 0 else side
            inside = side if early else here
            weights += channels * width + width * out
            macs += channels * width * inside**2 + width * out * side**2
            affine += 2 * (channels + 2 * width)
            fixed, free = fixed + 9 * width**2, free + 9 * width**2 * side**2
            if projection and (channels != out or here != side):
                weights, macs = weights + channels * out, macs + channels * out * side**2
            channels = out
        before = side
    affine += 2 * channels
    return weights, affine, macs, fixed, free


def rounds_to(value, printed, digits):
    """Whether a value may be printed so: rounded or cut."""
    step = 10.0**-digits
    return printed - step / 2 <= value < printed + step


def configurations():
    for widths in itertools.product(CHANNELS, repeat=3):
        for expansion, stem in itertools.product(range(1, 7), (16, 32, 64)):
            for projection, early in itertools.product((False, True), repeat=2):
                yield widths, expansion, stem, projection, early


def test_no_plausible_configuration_has_all_four_published_costs():
    sizes, both = [], []
    for one in configurations():
        widths, *_ = one
        if not 200_000 < 54 * sum(width**2 for width in widths) < 400_000:
            continue  # the 3x3 weights are the difference of the sizes, 0.28 to 0.30 M
        weights, affine, macs, fixed, free = costs(*one)
        counts = [(weights + extra) / 1e6 for extra in (0, affine)]
        if not any(rounds_to(c + fixed / 1e6, 0.48, 2) and rounds_to(c, 0.19, 2) for c in counts):
            continue
        sizes.append(one)
        for factor in (1, 2):
            if rounds_to(factor * (macs + free) / 1e9, 0.069, 3) and rounds_to(factor * macs / 1e9, 0.034, 3):
                both.append(one)
    assert ((16, 32, 64), 3, 16, False, False) in sizes  # ours has both sizes
    assert len(sizes) > 50
    assert both == []
