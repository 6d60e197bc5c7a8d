"""PCK by pure Python loops, written from the definitions alone; slow and independent of lbrn.metrics."""

import math

NAMES = (
    "r-ankle r-knee r-hip l-hip l-knee l-ankle pelvis thorax upper-neck head-top "
    "r-wrist r-elbow r-shoulder l-shoulder l-elbow l-wrist"
).split()
GROUPS = {
    "Shoulder": ["l-shoulder", "r-shoulder"],
    "Elbow": ["l-elbow", "r-elbow"],
    "Wrist": ["l-wrist", "r-wrist"],
    "Hip": ["l-hip", "r-hip"],
    "Knee": ["l-knee", "r-knee"],
    "Ankle": ["l-ankle", "r-ankle"],
}
# id -> (reference length, threshold, strict, joints of Head, how Total is made)
DEFINITIONS = {
    "mpii": {
        "pckh@0.5-mean14": ("head", 0.5, True, ["head-top"], "mean 14"),
        "pckh@0.5-weighted14": ("head", 0.5, True, ["head-top"], "weighted 14"),
        "pckh@0.5-weighted14-le": ("head", 0.5, False, ["head-top"], "weighted 14"),
        "pckh@0.5-micro16": ("head", 0.5, True, ["head-top"], "weighted 16"),
        "pckh@0.5-mean16": ("head", 0.5, True, ["head-top"], "mean 16"),
        "pckh@0.5-mean7": ("head", 0.5, True, ["head-top"], "columns"),
        "pckh@0.1-mean14": ("head", 0.1, True, ["head-top"], "mean 14"),
        "pckh@0.1-weighted14": ("head", 0.1, True, ["head-top"], "weighted 14"),
        "pckh@0.11-weighted14-le": ("head", 0.11, False, ["head-top"], "weighted 14"),
    },
    "lsp": {
        "pck@0.2-torso": ("torso", 0.2, False, ["upper-neck", "head-top"], "mean 14"),
        "pckh@0.2": ("head", 0.2, False, ["upper-neck", "head-top"], "mean 14"),
        "pckh@0.5": ("head", 0.5, False, ["upper-neck", "head-top"], "mean 14"),
        "pck@0.2-bounding-box": ("box", 0.2, False, ["upper-neck", "head-top"], "mean 14"),
    },
}


def distance(first, second):
    return math.sqrt((first[0] - second[0]) ** 2 + (first[1] - second[1]) ** 2)


def reference(kind, joints, head):
    if kind == "head":
        return head
    if kind == "torso":
        return distance(joints[NAMES.index("l-shoulder")], joints[NAMES.index("r-hip")])
    known = [
        point
        for name, point in zip(NAMES, joints, strict=True)
        if name not in ("pelvis", "thorax") and not any(math.isnan(value) for value in point)
    ]
    if not known:
        return math.nan
    return max(max(point[axis] for point in known) - min(point[axis] for point in known) for axis in (0, 1))


def tally(prediction, truth, sizes, threshold, strict):
    """Return {joint name: [correct, counted]}."""
    result = {name: [0, 0] for name in NAMES}
    for person, size in enumerate(sizes):
        if math.isnan(size) or math.isinf(size) or size <= 0:
            continue
        for index, name in enumerate(NAMES):
            true = truth[person][index]
            if math.isnan(true[0]) or math.isnan(true[1]):
                continue
            result[name][1] += 1
            guess = prediction[person][index]
            if not all(math.isfinite(value) for value in guess):
                continue
            relative = distance(guess, true) / size
            if relative < threshold or (relative == threshold and not strict):
                result[name][0] += 1
    return result


def plain_mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def rows(prediction, truth, head, dataset, metric):
    """Return {row: percent or None} of one metric."""
    kind, threshold, strict, head_joints, total = DEFINITIONS[dataset][metric]
    sizes = [reference(kind, joints, size) for joints, size in zip(truth, head, strict=True)]
    counts = tally(prediction, truth, sizes, threshold, strict)
    percent = {name: 100 * good / seen if seen else None for name, (good, seen) in counts.items()}
    answer = {"Head": plain_mean([percent[name] for name in head_joints])}
    for group, members in GROUPS.items():
        answer[group] = plain_mean([percent[name] for name in members])
    if total == "columns":
        answer["Total"] = plain_mean(list(answer.values()))
        return answer
    chosen = [name for name in NAMES if total.endswith("16") or name not in ("pelvis", "thorax")]
    if total.startswith("mean"):
        answer["Total"] = plain_mean([percent[name] for name in chosen])
    else:
        seen = sum(counts[name][1] for name in chosen)
        answer["Total"] = 100 * sum(counts[name][0] for name in chosen) / seen if seen else None
    return answer
