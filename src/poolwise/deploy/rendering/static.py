"""What clients are told about static files, where the machine has no table of its own."""

from __future__ import annotations

from collections.abc import Mapping

#: Media type -> suffixes (IANA's registry).
TYPES: Mapping[str, tuple[str, ...]] = {
    "text/html": ("html", "htm"),
    "text/css": ("css",),
    "text/javascript": ("js", "mjs"),
    "text/plain": ("txt",),
    "text/xml": ("xml",),
    "application/json": ("json", "map"),
    "application/manifest+json": ("webmanifest",),
    "application/pdf": ("pdf",),
    "application/wasm": ("wasm",),
    "application/zip": ("zip",),
    "image/avif": ("avif",),
    "image/gif": ("gif",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/svg+xml": ("svg",),
    "image/vnd.microsoft.icon": ("ico",),
    "image/webp": ("webp",),
    "font/woff": ("woff",),
    "font/woff2": ("woff2",),
    "audio/mpeg": ("mp3",),
    "video/mp4": ("mp4",),
    "video/webm": ("webm",),
}

#: What is worth compressing; pictures and fonts are compressed already.
COMPRESSED = (
    "text/html",
    "text/css",
    "text/plain",
    "text/xml",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "image/svg+xml",
)
