from collections.abc import Iterator

import pytest

from tests.postgres import postgres


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with postgres() as url:
        yield url
