"""What the tests of this folder share."""

import pytest

from server import Server

ALGORITHMS = ["RS256", "EdDSA"]


@pytest.fixture(params=ALGORITHMS)
def server(request, tmp_path):
    with Server(tmp_path / "data", "--signing-algorithm", request.param) as server:
        server.algorithm = request.param
        yield server
