"""The example of a hook plugin keeps the rules for all of them."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hookline.testing import HookSuite

_FILE = Path(__file__).parents[2] / "docs/examples/shout_plugin/hookline_shout/__init__.py"


def _load() -> ModuleType:
    spec = spec_from_file_location("hookline_shout", _FILE)
    assert spec is not None
    module = module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


class TestShout(HookSuite):
    """Chat answers in capital letters."""

    plugin = _load()
    applies_to = ("openai.chat",)
