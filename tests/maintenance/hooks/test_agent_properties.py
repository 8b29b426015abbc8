"""The two lines of agent.properties, and the spelling that talks about the feature use."""

from pathlib import Path

import pytest

from maintenance.hooks.agent_properties import (
    AgentPropertiesUnreadable,
    parse_properties,
    read_agent_properties,
)


def read(tmp_path: Path, text: str):
    path = tmp_path / "agent.properties"
    path.write_text(text)
    return read_agent_properties(path)


def test_both_lines_are_read(tmp_path: Path) -> None:
    properties = read(
        tmp_path,
        "# agent\nguid=1\nrolling.maintenance.hooks.dir = /etc/hooks\n"
        "rolling.maintenance.service.executor.disabled=true\n",
    )

    assert properties.hooks_dir == Path("/etc/hooks")
    assert properties.service_executor_disabled
    assert properties.warnings == ()


@pytest.mark.parametrize(
    "text", ["", "rolling.maintenance.hooks.dir=\n", "rolling.maintenance.hooks.dir=  \n"]
)
def test_a_blank_folder_asks_to_be_set(tmp_path: Path, text: str) -> None:
    properties = read(tmp_path, text)

    assert properties.hooks_dir is None
    assert properties.warnings == (
        "agent.properties does not set rolling.maintenance.hooks.dir: set it to the folder that holds the hook"
        " scripts.",
    )


def test_the_talks_spelling_is_named_and_not_used(tmp_path: Path) -> None:
    properties = read(
        tmp_path, "maintenance.hooks.dir=/etc/talk\nmaintenance.service.executor.disabled=true\n"
    )

    assert properties.hooks_dir is None
    assert not properties.service_executor_disabled
    assert "sets maintenance.hooks.dir, which the agent does not know" in properties.warnings[0]
    assert "write rolling.maintenance.service.executor.disabled instead" in properties.warnings[1]


def test_an_odd_value_for_the_executor_is_taken_as_false_and_told(tmp_path: Path) -> None:
    properties = read(
        tmp_path,
        "rolling.maintenance.hooks.dir=/h\nrolling.maintenance.service.executor.disabled=yes\n",
    )

    assert not properties.service_executor_disabled
    assert "write true or false" in properties.warnings[0]


def test_a_relative_folder_is_meant_from_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "rolling.maintenance.hooks.dir=hooks.d").hooks_dir == tmp_path / "hooks.d"


def test_an_unreadable_file_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(AgentPropertiesUnreadable, match="No such file"):
        read_agent_properties(tmp_path / "agent.properties")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1\nb: 2\nc 3\nd", {"a": "1", "b": "2", "c": "3", "d": ""}),
        ("  a = one=two \n", {"a": "one=two "}),
        ("#a=1\n! b=2\n\n", {}),
        ("a=1\na=2", {"a": "2"}),
        ("path=/one\\\n   /two\n", {"path": "/one/two"}),
        ("dir=C:\\\\hooks\\tx\n", {"dir": "C:\\hooks\tx"}),
        ("k\\=ey=\\u00e9\n", {"k=ey": "é"}),
        ("open=\\", {"open": ""}),
    ],
)
def test_javas_format_is_read_as_java_reads_it(text: str, values: dict[str, str]) -> None:
    assert parse_properties(text) == values
