"""Every address that the server answers."""

from __future__ import annotations

from aiohttp import web

from tracker.web import api, health, live, openapi, pages


def add_routes(app: web.Application) -> None:
    """Add all of them."""
    app.add_routes(
        [
            web.get("/", pages.index),
            web.get("/static/{path:.+}", pages.static_file),
            web.get("/api/v1/live", live.live),
            web.get("/api/v1/vehicles", api.list_vehicles),
            web.get("/api/v1/vehicles/{id}", api.get_vehicle),
            web.patch("/api/v1/vehicles/{id}", api.change_vehicle),
            web.get("/api/v1/vehicles/{id}/positions", api.list_positions),
            web.get("/api/v1/openapi.json", openapi.document),
            web.get("/healthz", health.healthz),
            web.get("/readyz", health.readyz),
            web.get("/metrics", health.metrics),
        ]
    )
