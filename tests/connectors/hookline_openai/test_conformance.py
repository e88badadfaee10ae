"""The connector keeps the rules for all connectors."""

from typing import ClassVar

from hookline.testing import ConnectorSuite
from hookline_openai.connector import connector as openai


class TestOpenAI(ConnectorSuite):
    """OpenAI, played by the sandbox."""

    connector = openai
    sandbox = True
    refusals: ClassVar = {"404": (400, 502)}  # 502 where it is the base URL that leads nowhere
