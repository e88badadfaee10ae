"""Connectors without Python: one file in YAML or JSON is a connector.

The format is `hookline.manifest.model`; how it is written by hand is in the documentation.
"""

from __future__ import annotations

from hookline.manifest.loading import connector_from, load_manifest, parse_manifest
from hookline.manifest.problems import ManifestError, ManifestProblem

__all__ = ["ManifestError", "ManifestProblem", "connector_from", "load_manifest", "parse_manifest"]
