"""The rule files that people read first are valid: the example, and those in the documentation."""

import re

import pytest

from conftest import ROOT

BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "RULES.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_example(sluice):
    checked = sluice("rules", "check", ROOT / "examples" / "rules.yaml")
    assert (checked.status, checked.errors) == (0, "")


def test_the_documentation_has_examples():
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS)
def test_the_documentation(sluice, tmp_path, block):
    file = tmp_path / "block.yaml"
    file.write_text(block, encoding="utf-8")
    checked = sluice("rules", "check", file)
    assert checked.status == 0, checked.errors
    assert "error" not in checked.errors
