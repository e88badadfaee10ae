"""The example connector keeps the rules for all connectors."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from hookline import Connector
from hookline.testing import ConnectorSuite

_FILE = Path(__file__).parents[2] / "docs/examples/acme_connector/hookline_acme/__init__.py"


def _load() -> Connector:
    spec = spec_from_file_location("hookline_acme", _FILE)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    connector: Connector = module.connector
    return connector


class TestAcme(ConnectorSuite):
    """Acme CRM, whose service answers what the sample of its output says."""

    connector = _load()
