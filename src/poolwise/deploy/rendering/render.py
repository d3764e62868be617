"""From a ``Deployment`` to the text of every file of its tree."""

from __future__ import annotations

from poolwise.deploy.plan import Deployment, Rendered
from poolwise.deploy.rendering.apache import apache_files
from poolwise.deploy.rendering.backends import backend_files
from poolwise.deploy.rendering.checks import check
from poolwise.deploy.rendering.container import container_files
from poolwise.deploy.rendering.nginx import nginx_files
from poolwise.deploy.rendering.service import service_files


def render(deployment: Deployment) -> tuple[Rendered, ...]:
    """Every file of the site, by its path below the deployment's folder.

    Raises InputError for a value that one of the files cannot hold, which names it.
    """
    check(deployment)
    return (
        *apache_files(deployment),
        *backend_files(deployment),
        *nginx_files(deployment),
        *service_files(deployment),
        *container_files(deployment),
    )
