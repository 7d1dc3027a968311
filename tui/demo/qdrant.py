"""A look-alike of Qdrant 1.19, as far as a control panel looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from tui.demo.http_server import Request, Response, json_response, text_response
from tui.demo.scenes import hostile_names
from tui.demo.server import DemoServer, Failure

OPEN_PATHS = ("/", "/healthz", "/livez", "/readyz")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of vectors; `status` is green, yellow, grey or red."""

    name: str
    points: int
    size: int = 768
    status: str = "green"
    optimizer_error: str = ""


DEFAULT_COLLECTIONS = (
    Collection("notes", 18_204),
    Collection("code", 121_877, 1024),
    Collection("mail", 402, status="yellow"),
)


class Qdrant(DemoServer):
    """The simulated Qdrant; with `api_key` it asks for one, as `service.api_key` makes the real one do."""

    def __init__(
        self,
        name: str = "qdrant",
        *,
        collections: tuple[Collection, ...] = DEFAULT_COLLECTIONS,
        api_key: str = "",
        port: int = 0,
    ) -> None:
        super().__init__(name, port)
        self.collections = collections
        self.api_key = api_key

    async def answer(self, request: Request) -> Response:
        if request.path not in OPEN_PATHS and not self._has_key(request):
            return self.failure("unauthorized", request)
        match request.path:
            case "/":
                commit = "74f3e85b94a1f1d7a9b4bb3a2e3c6b8a1f0d9e5c"
                return json_response({"title": "qdrant - vector search engine", "version": "1.19.0", "commit": commit})
            case "/healthz" | "/livez":
                return text_response("healthz check passed", 200, "text/plain")
            case "/readyz":
                return text_response("all shards are ready", 200, "text/plain")
            case "/collections":
                names = [collection.name for collection in self.collections] + list(hostile_names(self.playing))
                return self._result({"collections": [{"name": name} for name in names]})
            case path if path.startswith("/collections/"):
                return self._collection(path.removeprefix("/collections/"))
        return Response(404, b"", None)

    def failure(self, kind: Failure, request: Request) -> Response:
        if kind == "unauthorized":
            return text_response("Must provide an API key or an Authorization bearer token", 401, "text/plain")
        if kind == "loading":
            return text_response("some shards are not ready", 503, "text/plain")
        error = self.playing.message or "Service internal error: task 17 panicked"
        return json_response({"status": {"error": error}, "time": 0.000_012}, 500)

    def guarded(self, request: Request) -> bool:
        return request.path not in OPEN_PATHS

    def affected_by_loading(self, request: Request) -> bool:
        return request.path == "/readyz"

    def _has_key(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return not self.api_key or self.api_key in (request.headers.get("api-key"), bearer)

    def _result(self, result: object) -> Response:
        return json_response({"result": result, "status": "ok", "time": 0.000_01})

    def _collection(self, name: str) -> Response:
        found = next((collection for collection in self.collections if collection.name == name), None)
        if found is None:
            error = f"Not found: Collection `{name}` doesn't exist!"
            return json_response({"status": {"error": error}, "time": 0.000_02}, 404)
        return self._result(
            {
                "status": found.status,
                "optimizer_status": {"error": found.optimizer_error} if found.optimizer_error else "ok",
                "indexed_vectors_count": found.points,
                "points_count": found.points,
                "segments_count": 4,
                "config": {
                    "params": {
                        "vectors": {"size": found.size, "distance": "Cosine"},
                        "shard_number": 1,
                        "replication_factor": 1,
                        "write_consistency_factor": 1,
                        "on_disk_payload": True,
                    },
                    "hnsw_config": {
                        "m": 16,
                        "ef_construct": 100,
                        "full_scan_threshold": 10_000,
                        "max_indexing_threads": 0,
                        "on_disk": False,
                    },
                    "optimizer_config": {
                        "deleted_threshold": 0.2,
                        "vacuum_min_vector_number": 1000,
                        "default_segment_number": 0,
                        "max_segment_size": None,
                        "memmap_threshold": None,
                        "indexing_threshold": 10_000,
                        "flush_interval_sec": 5,
                        "max_optimization_threads": None,
                    },
                    "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
                    "quantization_config": None,
                },
                "payload_schema": {},
            }
        )
