"""The page as a reader of its own sees it: Python's parser of HTML, and nothing of the templates."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

EMPTY = {"meta", "img", "br", "link", "input", "hr", "path", "polyline"}


@dataclass
class Element:
    """An element with its attributes, its own and all text below it, and what is inside."""

    tag: str
    attributes: dict[str, str | None]
    parent: "Element | None"
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    def all(self, tag: str, **wanted: str) -> list["Element"]:
        """Elements inside, at any depth, of a tag with some words in their attributes; class_ stands for class."""
        found = []
        for element in self.inside:
            has = all(word in (element.attributes.get(name.rstrip("_")) or "").split() for name, word in wanted.items())
            found += [element] if element.tag == tag and has else []
            found += element.all(tag, **wanted)
        return found

    def one(self, tag: str, **wanted: str) -> "Element":
        (element,) = self.all(tag, **wanted)
        return element

    @property
    def words(self) -> str:
        """All text, with single spaces."""
        return " ".join(self.text.split())


class Page(HTMLParser):
    """A parsed page. A tag that is not closed, or closed without having been opened, is refused."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.open = Element("root", {}, None)
        self.elements: list[Element] = []
        self.feed(text)
        self.close()
        assert self.open is self.root, f"<{self.open.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self.open)
        self.elements.append(element)
        self.open.inside.append(element)
        if tag not in EMPTY:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open = self.open if tag in EMPTY else (self.open.parent or self.root)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        self.open = self.open.parent or self.root

    def handle_data(self, data: str) -> None:
        element: Element | None = self.open
        while element is not None:
            element.text += data
            element = element.parent

    def by_id(self, anchor: str) -> Element:
        (element,) = [element for element in self.elements if element.attributes.get("id") == anchor]
        return element

    @property
    def ids(self) -> list[str]:
        return [anchor for element in self.elements if (anchor := element.attributes.get("id"))]
