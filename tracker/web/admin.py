"""The administrator's pages: shells without data, which the page fetches by REST.

So a page can be opened by whoever knows its address, and shows what REST lets him see: where a
token is set, the page asks for it.
"""

from __future__ import annotations

import aiohttp_jinja2
from aiohttp import web

from tracker.web.keys import CONFIG
from tracker.web.pages import page_config


async def devices(request: web.Request) -> web.Response:
    """GET /admin/devices."""
    context = {"config": page_config(request.app[CONFIG])}
    response = aiohttp_jinja2.render_template("admin-devices.html", request, context)
    response.headers["Cache-Control"] = "no-cache"
    return response
