"""Around every request: errors as problem+json, a token that is checked, headers that protect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from tracker.errors import RequestError, TrackerError
from tracker.web.auth import check_token

_log = structlog.get_logger(__name__)

UNREADABLE = "the body is not what its Content-Encoding or Transfer-Encoding says"

_TITLES = {
    "bad_request": "The request cannot be understood",
    "unauthorized": "Credentials are missing or wrong",
    "forbidden": "This is not allowed",
    "not_found": "There is no such thing",
    "conflict": "It would contradict what is there",
    "confirmation_required": "This is dangerous, and needs a confirmation",
    "too_fast": "The vehicle is too fast for this",
    "speed_unknown": "Whether the vehicle is too fast for this is not known",
    "command": "The device's protocol cannot carry this command",
    "too_many": "Too many requests",
    "store": "The store cannot be reached now",
    "bus": "The bus between nodes cannot be reached now",
}


def problem(status: int, code: str, detail: str, **more: object) -> web.Response:
    """An error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": _TITLES.get(code, code), "status": status}
    return web.Response(
        body=orjson.dumps(body | {"code": code, "detail": detail} | more),
        status=status,
        content_type="application/problem+json",
    )


def _let_go(request: web.Request, response: web.StreamResponse) -> None:
    """End the connection of a body that is broken: where the next request begins nobody knows."""
    request.content.feed_eof()  # or aiohttp reads the rest, meets the same and logs it as its own
    request.protocol.close()  # once it is answered
    if not response.prepared:
        response.force_close()  # which says so


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error that leaves is a problem document; what we did not expect is logged."""
    response = await _answered(request, handler)
    if request.content.exception() is not None:
        _let_go(request, response)
    return response


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        check_token(request)
        return await handler(request)
    except TrackerError as exc:
        response = problem(exc.status, exc.code, exc.message)
        if exc.status == web.HTTPUnauthorized.status_code:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
    except web.RequestPayloadError:
        return problem(RequestError.status, RequestError.code, UNREADABLE)
    except web.HTTPException as exc:
        if exc.status < web.HTTPBadRequest.status_code:
            raise
        code = exc.reason.lower().replace(" ", "_")
        response = problem(exc.status, code, exc.text or exc.reason)
        for name in ("Allow", "Retry-After"):
            if name in exc.headers:
                response.headers[name] = exc.headers[name]
        return response
    except (ConnectionError, TimeoutError):
        raise
    except Exception:  # noqa: BLE001 - the last line of defence, and it is logged
        _log.exception("web.request_failed", path=request.path)
        return problem(500, "internal", "the server has made a mistake; its log says more")


def security_headers(tile_url: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler that gives each response its headers: nothing inline, no framing."""
    tiles = ""
    if tile_url:
        scheme, _, rest = tile_url.partition("://")
        tiles = f" {scheme}://{rest.partition('/')[0].replace('{s}', '*')}"
    policy = "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data:{tiles}",  # data: Leaflet's empty tile
            "connect-src 'self'",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if isinstance(response, web.WebSocketResponse):
            return
        headers = response.headers
        headers["Content-Security-Policy"] = policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"  # tile hosts ask for it
        headers["Permissions-Policy"] = "geolocation=(self), camera=(), microphone=()"
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = (
                "no-cache" if request.path.startswith("/static/") else "no-store"
            )

    return prepare
