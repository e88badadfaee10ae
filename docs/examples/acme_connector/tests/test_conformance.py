"""Everything that a connector must do."""

import hookline_acme

from hookline.testing import ConnectorSuite


class TestAcme(ConnectorSuite):
    """Acme CRM."""

    connector = hookline_acme.connector
