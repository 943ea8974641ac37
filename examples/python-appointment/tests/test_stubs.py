"""The committed stubs are those of the contract."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1]


def test_the_stubs_are_current(tmp_path: Path) -> None:
    subprocess.run([FOLDER / "generate", tmp_path], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "flow" / "v1").iterdir()}
    committed = {path.name: path.read_text() for path in (FOLDER / "flow" / "v1").glob("*.py*")}
    assert committed == made, "run ./generate"
