"""A page as a browser without script reads it: its elements, its text, its links, and what its buttons send."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)  # they have no end tag
ASKED_BY_HTMX = {f"hx-{method}": method.upper() for method in ("get", "post", "put", "patch", "delete")}

type Shape = Counter[tuple[str, tuple[str, ...]]]


class Unbalanced(AssertionError):
    """The markup does not close what it opens, where browsers would guess."""


@dataclass(eq=False)
class Element:
    """One element; `parent` is None for the document alone."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    children: list["Element | str"] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name, "")

    def has(self, name: str) -> bool:
        return name in self.attributes

    @property
    def ancestors(self) -> "Iterator[Element]":
        """From itself outwards."""
        at: Element | None = self
        while at is not None:
            yield at
            at = at.parent

    @property
    def inside(self) -> "Iterator[Element]":
        """Itself and everything below, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.inside

    @property
    def text(self) -> str:
        """What it says, with the spaces as written."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def find(self, *tags: str) -> "list[Element]":
        return [element for element in self.inside if element.tag in tags]


@dataclass(frozen=True, slots=True)
class Use:
    """Something a page lets people do: a link, a button, or what htmx asks for."""

    method: str
    url: str  # absolute path, with its query
    says: str
    fields: tuple[tuple[str, str], ...] = ()  # what is sent, as the page stands
    typed: tuple[str, ...] = ()  # names of the fields that people type into

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


class Page:
    """HTML that was read whole. Raises: Unbalanced."""

    def __init__(self, html: str, address: str = "/") -> None:
        reader = _Reader()
        reader.feed(html)
        reader.close()
        if reader.at is not reader.root:
            raise Unbalanced(f"{address}: <{reader.at.tag}> is not closed")
        self.root = reader.root
        self.address = address
        self.elements = list(self.root.inside)[1:]

    @property
    def shape(self) -> Shape:
        """How often each element with these attributes stands there, whatever the attributes say."""
        return Counter((element.tag, tuple(sorted(element.attributes))) for element in self.elements)

    def find(self, *tags: str) -> list[Element]:
        return self.root.find(*tags)

    def by_id(self, key: str) -> Element | None:
        return next((element for element in self.elements if element["id"] == key), None)

    def texts(self) -> Iterator[tuple[Element, str]]:
        """Each piece of text and the element it stands in."""
        for element in [self.root, *self.elements]:
            for child in element.children:
                if isinstance(child, str):
                    yield element, child

    def texts_in_order(self) -> Iterator[tuple[Element, str]]:
        """Each piece of text and the element it stands in, as they follow one another when the page is read."""
        yield from _texts(self.root)

    def links(self) -> list[Use]:
        """Where people can go from here, within the console."""
        found = []
        for element in self.find("a", "area"):
            url = urljoin(self.address, element["href"])
            if element.has("href") and not element["href"].startswith("#") and not urlsplit(url).netloc:
                found.append(Use("GET", url, _said(element)))
        return found

    def asked_by_htmx(self) -> list[Use]:
        """What script asks for on top; without script, links and buttons do the same. What a form asks for is what its
        buttons send."""
        return [
            Use(method, urljoin(self.address, element[name]), f"{name} of <{element.tag}>")
            for element in self.elements
            if element.tag != "form"
            for name, method in ASKED_BY_HTMX.items()
            if element.has(name)
        ]

    def buttons(self) -> list[Use]:
        """What each button that can be pressed sends, and each form that has none but a field (Enter sends it)."""
        found = []
        pressed_forms = set()
        for button in self.find("button", "input"):
            sends = button["type"] in ({"", "submit"} if button.tag == "button" else {"submit", "image"})
            form = self._form_of(button)
            if not sends or form is None or button["formmethod"] == "dialog":
                continue  # a dialog's method sends nothing
            pressed_forms.add(id(form))
            if not _is_disabled(button):
                found.append(self._sent(form, button))
        without = [self._sent(form, None) for form in self.find("form") if id(form) not in pressed_forms]
        return found + [use for use in without if use.typed]

    def _sent(self, form: Element, button: Element | None) -> Use:
        method = (button and button["formmethod"]) or form["method"] or "get"
        action = (button and button["formaction"]) or form["action"] or self.address
        fields, typed = [], []
        for control in self.find("input", "select", "textarea"):
            if self._form_of(control) is not form or not control["name"] or _is_disabled(control):
                continue
            fields += [(control["name"], value) for value in _values(control)]
            if _is_typed(control):
                typed.append(control["name"])
        if button is not None and button["name"]:
            fields.append((button["name"], button["value"]))
        says = _said(button) if button is not None else f"form {form['id'] or action}"
        url = urljoin(self.address, action)
        return Use(method.upper(), url, says, tuple(fields), tuple(typed))

    def _form_of(self, control: Element) -> Element | None:
        if control.has("form"):
            return self.by_id(control["form"])
        return next((element for element in control.ancestors if element.tag == "form"), None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#document", {}, None)
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = self._add(tag, attrs)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag != self.at.tag or self.at.parent is None:
            raise Unbalanced(f"</{tag}> at {self.getpos()} closes <{self.at.tag}>")
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise Unbalanced(f"<{tag}> at {self.getpos()} says an attribute twice: {names}")
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        return element


def _texts(element: Element) -> Iterator[tuple[Element, str]]:
    for child in element.children:
        if isinstance(child, str):
            yield element, child
        else:
            yield from _texts(child)


def _said(element: Element) -> str:
    return " ".join((element["aria-label"] or element.text or element["value"]).split())


def _is_disabled(control: Element) -> bool:
    return any(around.has("disabled") for around in control.ancestors)


def _is_typed(control: Element) -> bool:
    words = {
        "",
        "text",
        "search",
        "email",
        "url",
        "password",
        "tel",
        "number",
        "datetime-local",
        "date",
        "time",
    }
    return control.tag == "textarea" or (control.tag == "input" and control["type"] in words)


def _values(control: Element) -> list[str]:
    """What the control sends as it stands."""
    if control.tag == "textarea":
        return [control.text.removeprefix("\n")]
    if control.tag == "select":
        options = control.find("option")
        chosen = [option for option in options if option.has("selected")] or options[:1]
        return [option["value"] if option.has("value") else option.text for option in chosen]
    if control["type"] in {"submit", "image", "button", "reset", "file"}:
        return []
    if control["type"] in {"checkbox", "radio"}:
        return [control["value"] or "on"] if control.has("checked") else []
    return [control["value"]]
