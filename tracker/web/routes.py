"""Every address that the server answers."""

from __future__ import annotations

from aiohttp import web

from tracker.web import (
    admin,
    api,
    commands_api,
    devices_api,
    health,
    history_api,
    history_exports,
    history_imports,
    history_passages,
    history_playback,
    history_summary,
    live,
    openapi,
    pages,
    relay_api,
)


def add_routes(app: web.Application) -> None:
    """Add all of them."""
    app.add_routes(
        [
            web.get("/", pages.index),
            web.get("/admin/devices", admin.devices),
            web.get("/static/{path:.+}", pages.static_file),
            web.get("/api/v1/live", live.live),
            web.get("/api/v1/devices", devices_api.get_devices),
            web.get("/api/v1/devices/unknown", devices_api.list_unknown),
            web.delete("/api/v1/devices/unknown", devices_api.clear_unknown),
            web.get("/api/v1/vehicles", api.list_vehicles),
            web.get("/api/v1/vehicles/{id}", api.get_vehicle),
            web.patch("/api/v1/vehicles/{id}", api.change_vehicle),
            web.get("/api/v1/vehicles/{id}/positions", history_api.list_positions),
            web.post("/api/v1/vehicles/{id}/positions", history_imports.import_track),
            web.delete("/api/v1/vehicles/{id}/positions", history_imports.erase_history),
            web.get("/api/v1/vehicles/{id}/positions.{format}", history_exports.export_track),
            web.get("/api/v1/vehicles/{id}/track", history_api.get_track),
            web.get("/api/v1/vehicles/{id}/timeline", history_api.get_timeline),
            web.get("/api/v1/vehicles/{id}/trips", history_api.list_trips),
            web.get("/api/v1/vehicles/{id}/stops", history_api.list_stops),
            web.get("/api/v1/vehicles/{id}/summary", history_summary.get_summary),
            web.get("/api/v1/vehicles/{id}/playback", history_playback.get_manifest),
            web.get("/api/v1/playback/{block}", history_playback.get_block),
            web.get("/api/v1/vehicles/{id}/commands", commands_api.list_commands),
            web.post("/api/v1/vehicles/{id}/commands", commands_api.create_command),
            web.get("/api/v1/vehicles/{id}/command-kinds", commands_api.list_kinds),
            web.get("/api/v1/commands/{id}", commands_api.get_command),
            web.delete("/api/v1/commands/{id}", commands_api.cancel_command),
            web.get("/api/v1/passages", history_passages.find_passages),
            web.post("/api/v1/passages", history_passages.find_passages_of),
            web.post("/api/v1/relay", relay_api.relay),
            web.get("/api/v1/openapi.json", openapi.document),
            web.get("/healthz", health.healthz),
            web.get("/readyz", health.readyz),
            web.get("/metrics", health.metrics),
        ]
    )
