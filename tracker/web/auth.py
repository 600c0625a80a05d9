"""Who asks: until there are accounts, everybody on this machine, or the bearer of the admin token.

The server listens beyond loopback only when it is told so by `allow_public_without_login`. A token
that is shown must be right; changing things from another machine needs one.
"""

from __future__ import annotations

import hmac
import ipaddress

from aiohttp import web

from tracker.errors import ForbiddenError, UnauthorizedError
from tracker.web.keys import CONFIG

_BEARER = "bearer "
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def check_token(request: web.Request) -> bool:
    """Whether the administrator's token is shown. Raises UnauthorizedError for a wrong one."""
    header = request.headers.get("Authorization")
    if header is None:
        return False
    token = request.app[CONFIG].admin_token
    if not header.lower().startswith(_BEARER):
        return False  # a login of whatever stands in front of us
    if token is None or not hmac.compare_digest(
        header[len(_BEARER) :].strip().encode(), token.get_secret_value().encode()
    ):
        raise UnauthorizedError("the token is not valid here")
    return True


def require_admin(request: web.Request) -> None:
    """For what changes things: the token, or a request from this machine where none is set."""
    if check_token(request):
        return
    if request.app[CONFIG].admin_token is not None:
        raise UnauthorizedError("this needs the administrator's token")
    if not _from_here(request):
        raise ForbiddenError("this can only be done from the server's own machine")


def _from_here(request: web.Request) -> bool:
    """Whether a program on this machine asks, for itself.

    Not a proxy for somebody else, and not a page of another site, be it one whose name somebody
    made to point at this machine: such a request names that site in `Host` or `Origin`.
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        return False
    host = request.host.rpartition(":")[0] if ":" in request.host else request.host
    return _is_loopback(host.strip("[]")) and _is_loopback(request.remote or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
