"""nginx in front of Apache: ``nginx/nginx.conf``."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.deploy.plan import Deployment, Rendered
from poolwise.deploy.rendering.apache import NGINX_KEEPALIVE_S, listen
from poolwise.deploy.rendering.filling import fill
from poolwise.deploy.rendering.static import COMPRESSED, TYPES


def nginx_files(deployment: Deployment) -> Iterator[Rendered]:
    """``nginx/nginx.conf``, when nginx is in front."""
    front = deployment.front
    if deployment.nginx:
        text = fill(
            "nginx.conf",
            d=deployment,
            front=front,
            listen=listen,
            keepalive_s=NGINX_KEEPALIVE_S,
            types=TYPES,
            compressed=[each for each in COMPRESSED if each != "text/html"],  # which nginx always compresses
        )
        yield Rendered("nginx/nginx.conf", text)
