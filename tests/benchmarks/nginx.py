"""nginx as it is set up to pass requests on and nothing else: what a proxy costs that looks at nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.servers import Server, free_port, run_server

_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  upstream service {{
    server 127.0.0.1:{upstream_port};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://service;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 64 64k;
      proxy_buffer_size 64k;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""


def program() -> str | None:
    """Return where nginx is installed; Debian keeps it out of the path of most users."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def run_nginx(upstream: Server) -> Iterator[Server]:
    """Run one worker in front of an upstream, with kept-alive connections on both sides.

    Raises:
        RuntimeError: If nginx is not installed or does not start.
    """
    found = program()
    if found is None:
        raise RuntimeError("nginx is not installed (Debian: apt-get install nginx-light)")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="hookline-benchmark-") as folder:
        os.chmod(folder, 0o755)  # its worker may be another user
        config = Path(folder, "nginx.conf")
        config.write_text(_CONFIG.format(folder=folder, port=port, upstream_port=upstream.port))
        command = [found, "-p", folder, "-e", f"{folder}/error.log", "-c", str(config)]
        with run_server("nginx", command, port, ready_path="/") as server:
            yield server
