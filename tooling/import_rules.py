"""Who may import whom: dashboard → maintenance → maintenance.domain → the standard library, never back.

The product imports nothing of tooling or tests. Imports inside functions and under `if TYPE_CHECKING` count too.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = {"dashboard", "maintenance", "tooling", "tests"}


def main() -> int:
    """0 when the whole tree keeps the rules."""
    found = list(broken_rules(ROOT))
    print("\n".join(found) or "the import rules hold")
    return 1 if found else 0


def broken_rules(root: Path) -> Iterator[str]:
    """A line for each import that is not allowed: where, what, and the rule."""
    for package in ("maintenance", "dashboard"):
        for path in sorted((root / package).rglob("*.py")):
            where = path.relative_to(root)
            for line, imported in imports_of(path, root):
                if rule := _broken_rule(where, imported):
                    yield f"{where}:{line}: imports {imported}, but {rule}"


def imports_of(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything the file imports, relative imports resolved."""
    package = path.relative_to(root).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, level=level, names=names):
                base = [*package[: len(package) - level + 1]] if level else []
                prefix = ".".join([*base, *([module] if module else [])])
                yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in names)


def _broken_rule(where: Path, imported: str) -> str | None:
    top = imported.split(".")[0]
    is_domain = where.is_relative_to("maintenance/domain")
    if is_domain and not imported.startswith("maintenance.domain.") and top not in sys.stdlib_module_names:
        return "maintenance.domain imports only itself and the standard library"
    if where.is_relative_to("maintenance") and top == "dashboard":
        return "maintenance knows no HTTP and no HTML"
    if top in {"tooling", "tests"}:
        return "nothing of the product needs them"
    return None


if __name__ == "__main__":
    sys.exit(main())
