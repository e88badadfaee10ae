"""The one algorithm that a token is checked with. Importing this loads joserfc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

if TYPE_CHECKING:
    from joserfc.jwa import JWSAlgModel


class TokenRegistry(JWSRegistry):
    """Knows one algorithm, and does not mind headers that mean nothing here.

    Args:
        algorithm: Its name.
    """

    max_header_length = 4096

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)
        self._algorithm = algorithm

    def get_alg(self, name: str) -> JWSAlgModel:
        """Return the algorithm; without a warning for the old name that most issuers give to Ed25519."""
        if name != self._algorithm or name not in self.algorithms:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]
