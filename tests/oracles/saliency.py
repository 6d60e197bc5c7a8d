"""Saliency metrics pixel by pixel in exact fractions, written from the definitions; slow."""

import math
from fractions import Fraction as Q


def stretched(levels):
    """Rows of levels 0..255 as fractions of their own range; of 255 where there is one level only."""
    flat = [level for row in levels for level in row]
    low, high = min(flat), max(flat)
    if low == high:
        return [[Q(level, 255) for level in row] for row in levels]
    return [[Q(level - low, high - low) for level in row] for row in levels]


def pixels_of(rows, mask):
    """(value, mark) of every pixel."""
    return [
        (value, bool(mark))
        for row, marks in zip(rows, mask, strict=True)
        for value, mark in zip(row, marks, strict=True)
    ]


def mae(levels, mask):
    terms = [abs(value - int(mark)) for value, mark in pixels_of(stretched(levels), mask)]
    return float(sum(terms) / len(terms))


def curves(levels, mask):
    """Precision and recall at thresholds 0..255 as fractions, with levels truncated in doubles as the peers do."""
    flat = [level for row in levels for level in row]
    low, high = min(flat) / 255, max(flat) / 255
    pixels = []
    for level, mark in pixels_of(levels, mask):
        value = level / 255 if low == high else (level / 255 - low) / (high - low)
        pixels.append((int(value * 255), mark))
    marked = sum(mark for _, mark in pixels)
    precision, recall = [], []
    for threshold in range(256):
        chosen = [mark for level, mark in pixels if level >= threshold]
        precision.append(Q(sum(chosen), len(chosen)) if chosen else Q(0))
        recall.append(Q(sum(chosen), marked) if marked else Q(0))
    return precision, recall


def f_value(precision, recall):
    if precision * recall == 0:
        return Q(0)
    return Q(13, 10) * precision * recall / (Q(3, 10) * precision + recall)


def maxf_curve(pairs):
    every = [curves(*pair) for pair in pairs]
    return max(float(sum(f_value(p[t], r[t]) for p, r in every) / len(every)) for t in range(256))


def maxf_pr(pairs):
    every = [curves(*pair) for pair in pairs]
    n = len(every)
    means = [(sum(p[t] for p, _ in every) / n, sum(r[t] for _, r in every) / n) for t in range(256)]
    return max(float(f_value(*mean)) for mean in means)


def adaptive_f(levels, mask):
    pixels = pixels_of(stretched(levels), mask)
    threshold = min(2 * sum(value for value, _ in pixels) / len(pixels), Q(1))
    chosen = [mark for value, mark in pixels if value >= threshold]
    if not sum(chosen):
        return 0.0
    return float(f_value(Q(sum(chosen), len(chosen)), Q(sum(chosen), sum(mark for _, mark in pixels))))


def s_measure(levels, mask):
    values = stretched(levels)
    pixels = pixels_of(values, mask)
    inside = [v for v, m in pixels if m]
    outside = [1 - v for v, m in pixels if not m]
    if not inside:
        return float(sum(outside) / len(outside))
    if not outside:
        return float(sum(inside) / len(inside))
    share = len(inside) / len(pixels)
    objects = share * _likeness(inside) + (1 - share) * _likeness(outside)
    return max(0.0, 0.5 * objects + 0.5 * _regions(values, mask))


def _likeness(values):
    mean = sum(values) / len(values)
    spread = sum((v - mean) ** 2 for v in values) / (len(values) - 1) if len(values) > 1 else Q(0)
    return 2 * float(mean) / (float(mean**2) + 1 + math.sqrt(spread))


def _regions(values, mask):
    height, width = len(values), len(values[0])
    marked = [(y, x) for y in range(height) for x in range(width) if mask[y][x]]
    cut_y = round(Q(sum(y for y, _ in marked), len(marked))) + 1
    cut_x = round(Q(sum(x for _, x in marked), len(marked))) + 1
    total = 0.0
    for rows in (range(cut_y), range(cut_y, height)):
        for columns in (range(cut_x), range(cut_x, width)):
            part = [(values[y][x], int(mask[y][x])) for y in rows for x in columns]
            if part:
                total += _similarity(part) * len(part) / (height * width)
    return total


def _similarity(part):
    n = len(part)
    mx, my = Q(sum(v for v, _ in part), n), Q(sum(m for _, m in part), n)
    rest = max(n - 1, 1)
    vx, vy = sum((v - mx) ** 2 for v, _ in part) / rest, sum((m - my) ** 2 for _, m in part) / rest
    cov = sum((v - mx) * (m - my) for v, m in part) / rest
    over, under = 4 * mx * my * cov, (mx**2 + my**2) * (vx + vy)
    if over == 0:
        return 1.0 if under == 0 else 0.0
    return float(over / under)
