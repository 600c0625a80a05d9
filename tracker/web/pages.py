"""The dispatcher's page and its files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

import tracker
from tracker.config import Config
from tracker.errors import NotFoundError
from tracker.web.keys import CONFIG

FOREVER = "public, max-age=31536000, immutable"
_PACKAGED = Path(tracker.__file__).parent / "_page"
# In a wheel the page lies inside the package, in a checkout beside it.
ROOT = _PACKAGED if _PACKAGED.is_dir() else Path(tracker.__file__).parent.parent
STATIC = ROOT / "static"


class StaticFiles:
    """The files below static/ as they are at start, each with the digest of its content."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests = {
            file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
            for file in root.rglob("*")
            if file.is_file()
        }

    def url(self, path: str) -> str:
        """The address of a file; with its digest, so that it may be kept for ever."""
        path = path.removeprefix("/static/")
        digest = self.digests.get(path)
        return f"/static/{path}?v={digest}" if digest else f"/static/{path}"


STATIC_FILES = web.AppKey("static_files", StaticFiles)


def page_config(config: Config) -> dict[str, Any]:
    """What the page has to know of the server's settings (docs/page.md)."""
    base_map = None
    if config.tile_url:
        base_map = {
            "url": config.tile_url,
            "attribution": config.tile_attribution,
            "coordinate_system": config.tile_coordinate_system,
            "max_zoom": config.tile_max_zoom,
            "tms": config.tile_tms,
            "subdomains": config.tile_subdomains,
        }
    center = None
    if config.center_lat is not None and config.center_lon is not None:
        center = [config.center_lat, config.center_lon]
    return {
        "title": config.title,
        "version": tracker.__version__,
        "feed": "/api/v1/live",
        "api": "/api/v1",
        "devices": config.devices,
        "base_map": base_map,
        "language": config.language or None,
        "center": center,
        "zoom": config.zoom,
    }


def setup(app: web.Application) -> None:
    """Templates, static files, and the functions that templates may use."""
    files = app[STATIC_FILES] = StaticFiles(STATIC)
    environment = aiohttp_jinja2.setup(
        app, loader=jinja2.FileSystemLoader(ROOT / "templates"), autoescape=True
    )
    environment.globals["static"] = files.url


async def index(request: web.Request) -> web.Response:
    """GET /."""
    context = {"config": page_config(request.app[CONFIG])}
    response = aiohttp_jinja2.render_template("index.html", request, context)
    response.headers["Cache-Control"] = "no-cache"
    return response


async def static_file(request: web.Request) -> web.StreamResponse:
    """GET /static/…: for ever where the address carries the digest, else checked each time."""
    files, path = request.app[STATIC_FILES], request.match_info["path"]
    digest = files.digests.get(path)
    if digest is None:
        raise NotFoundError(f"no file {path}", value=path)
    response = web.FileResponse(files.root / path)
    if request.query.get("v") == digest:
        response.headers["Cache-Control"] = FOREVER
    return response
