"""What a drawn person wears: colours, patterns, cuts."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

PATTERNS = ("plain", "rings", "columns", "block")
MARKS = ("buttons", "bib", "zip", "letter", "tie")


@dataclass(frozen=True)
class Cloth:
    """A garment: two colours and how they alternate.

    Attributes:
        colour: Main colour, 0..255 RGB.
        second: The pattern's other colour.
        pattern: One of `PATTERNS`: plain, rings across the limb, columns along it, or one block.
        period: Length of one repeat as a fraction of the part's length or width.
    """

    colour: Colour
    second: Colour
    pattern: str
    period: float


@dataclass(frozen=True)
class Outfit:
    """How one person looks.

    Attributes:
        skin: Colour of face, hands and bare limbs.
        hair: Colour of the hair; always unlike the skin.
        long_hair: Whether the hair falls on the shoulders.
        shirt: The shirt; covers trunk and sleeves.
        sleeves: 0 none, 1 to the elbow, 2 to the wrist.
        trousers: The trousers; cover hips and legs.
        long_trousers: Whether they reach the ankle, else the knee.
        shoes: Colour of the feet.
        mark: What only the front of the shirt shows, one of `MARKS`.
        accent: Colour of the mark, unlike the shirt.
        backpack: Whether the back carries a bag, whose straps the front shows.
        bag: Colour of the bag.
    """

    skin: Colour
    hair: Colour
    long_hair: bool
    shirt: Cloth
    sleeves: int
    trousers: Cloth
    long_trousers: bool
    shoes: Colour
    mark: str
    accent: Colour
    backpack: bool
    bag: Colour


def draw_outfit(rng: np.random.Generator, background: tuple[Colour, ...] = (), camouflage: float = 0.0) -> Outfit:
    """Draw the looks of one person.

    Args:
        rng: Source of randomness.
        background: Colours found behind the person.
        camouflage: Chance that a garment takes one of them, 0..1.

    Returns:
        The outfit.
    """
    skin = _skin(rng)
    shirt = _cloth(rng, background, camouflage)
    return Outfit(
        skin=skin,
        hair=_unlike(rng, skin, _hair, 95),
        long_hair=bool(rng.random() < 0.4),
        shirt=shirt,
        sleeves=int(rng.choice(3, p=(0.2, 0.4, 0.4))),
        trousers=_cloth(rng, background, camouflage),
        long_trousers=bool(rng.random() < 0.7),
        shoes=colour(rng),
        mark=str(rng.choice(MARKS)),
        accent=_unlike(rng, shirt.colour, colour, 110),
        backpack=bool(rng.random() < 0.15),
        bag=_unlike(rng, shirt.colour, colour, 90),
    )


def colour(rng: np.random.Generator) -> Colour:
    """Draw a colour: any hue, from grey to saturated, from dark to light."""
    hue, saturation, value = rng.random(), rng.beta(1.3, 1.6), rng.uniform(0.12, 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def shaded(base: Colour, factor: float) -> Colour:
    """Return a colour made darker (factor < 1) or lighter (> 1)."""
    red, green, blue = (min(255, round(channel * factor)) for channel in base)
    return red, green, blue


def _cloth(rng: np.random.Generator, background: tuple[Colour, ...], camouflage: float) -> Cloth:
    main = colour(rng)
    if background and rng.random() < camouflage:
        main = background[rng.integers(len(background))]
    pattern = str(rng.choice(PATTERNS, p=(0.5, 0.22, 0.16, 0.12)))
    return Cloth(main, _unlike(rng, main, colour, 60), pattern, float(rng.uniform(0.18, 0.5)))


def _skin(rng: np.random.Generator) -> Colour:
    tone = rng.random()
    dark, light = np.array((82, 52, 36)), np.array((242, 205, 178))
    red, green, blue = (int(v) for v in dark + (light - dark) * tone + rng.normal(0, 6, 3))
    return red, green, blue


def _hair(rng: np.random.Generator) -> Colour:
    # Black, brown, fair; then caps and hoods. None looks like skin, or a back of a head would look like a face.
    shades = ((26, 20, 18), (54, 32, 20), (240, 208, 84), (40, 70, 150), (165, 25, 40), (30, 105, 60), (240, 240, 245))
    return shades[rng.choice(len(shades), p=(0.34, 0.26, 0.12, 0.08, 0.08, 0.06, 0.06))]


def _unlike(
    rng: np.random.Generator, other: Colour, draw: Callable[[np.random.Generator], Colour], distance: float
) -> Colour:
    best, gap = other, -1.0
    for _ in range(6):
        candidate = draw(rng)
        found = float(sum((a - b) ** 2 for a, b in zip(candidate, other, strict=True))) ** 0.5
        if found > gap:
            best, gap = candidate, found
        if gap >= distance:
            break
    return best
