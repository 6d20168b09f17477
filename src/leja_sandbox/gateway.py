"""The ASGI side of a stand-in: reads a request, plays the faults around it, commits, and only then answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from leja_sandbox.clock import SimulatedClock
from leja_sandbox.exchange import Answer, ConnectionCut, Handler, Refuse, Request, json_answer, text_answer

if TYPE_CHECKING:
    from leja_sandbox.kit import StandIn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LARGEST: Final = 64 * 1024 * 1024
_CUT: Final = "leja.cut"


class Gateway:
    """The ASGI application of one stand-in."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = await self._read(scope, receive)
            answer = text_answer("Too large", 413) if request is None else await self._answer(request)
            await _write(scope, send, answer)

    async def run(self) -> None:
        """Late commits and webhooks, for ever."""
        work = [self._commit_late()]
        if self._stand_in.webhooks:
            work.append(self._stand_in.webhooks.run())
        await asyncio.gather(*work)

    async def _read(self, scope: Scope, receive: Receive) -> Request | None:
        body, more = bytearray(), True
        while more and len(body) <= _LARGEST:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        root = scope.get("root_path", "")
        return None if len(body) > _LARGEST else Request(
            method=scope["method"],
            path=path[len(root) :] if root and path.startswith(root) else path,
            query_string=scope.get("query_string", b"").decode("latin-1"),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body=bytes(body),
            now=self._stand_in.env.clock(),
            faults=self._stand_in.env.faults,
        )  # fmt: skip

    async def _answer(self, request: Request) -> Answer | None:
        """The answer, or None where the connection has to close without one."""
        if request.path.startswith("/_control/"):
            return self._controlled(request)
        if request.path.startswith(self._stand_in.fault_free or ("\0",)):
            return self.handled(request)
        await self._wait()
        if (stopped := self._stopped_before(request)) is not _GO_ON:
            return stopped
        if lag := request.fault("lagging_search"):
            request.search_lag = lag.seconds
        answer: Answer | None = self.handled(request)
        if slow := request.fault("slow"):
            await asyncio.sleep(slow.seconds)
        if request.fault("answer_lost"):
            return None
        if failed := request.fault("error_after"):
            return self._stand_in.error(failed.status or 500, failed.retry_after)
        return answer

    def _stopped_before(self, request: Request) -> Answer | None:
        if request.fault("cut_before"):
            return None
        if limited := request.fault("rate_limited"):
            return self._stand_in.error(429, limited.retry_after)
        if failed := request.fault("error_before"):
            return self._stand_in.error(failed.status or 503, failed.retry_after)
        if late := request.fault("late_commit"):
            self._keep_for_later(request, late.seconds)
            return None
        return _GO_ON

    def handled(self, request: Request) -> Answer:
        """Runs the handler in one transaction; it is committed when this returns."""
        found = self._stand_in.router.find(request.method, request.path)
        if isinstance(found, int):
            return text_answer("Not Found" if found == 404 else "Method Not Allowed", found)
        handler, request.params = found
        try:
            with self._stand_in.env.store.transaction():
                answer = _carried_out(handler, request)
        except Refuse as refused:
            return refused.answer
        self._stand_in.accepted += 1
        return answer

    def _controlled(self, request: Request) -> Answer:
        name = request.path.removeprefix("/_control/")
        try:
            arguments = msgspec.json.decode(request.body) if request.body else {}
            return json_answer(self._stand_in.control.call(name, **arguments))
        except KeyError as problem:
            return json_answer({"error": f"no such thing: {problem}", "actions": self._stand_in.control.names()}, 404)
        except (TypeError, ValueError) as problem:
            return json_answer({"error": str(problem)}, 400)

    async def _wait(self) -> None:
        env = self._stand_in.env
        seconds = env.latency.seconds + env.random.random() * env.latency.jitter
        if not seconds:
            return
        if isinstance(env.clock, SimulatedClock):
            env.clock.advance(seconds)
        else:
            await asyncio.sleep(seconds)

    def _keep_for_later(self, request: Request, seconds: float) -> None:
        kept = {"method": request.method, "path": request.path, "query": request.query_string,
                "headers": request.headers, "body": request.body}  # fmt: skip
        due = self._stand_in.env.now() + seconds
        self._stand_in.env.store.execute(
            "INSERT INTO late_request (due, request) VALUES (?, ?)", due, msgspec.json.encode(kept)
        )

    def commit_late(self) -> int:
        """Carries out the late requests whose time has come; returns how many."""
        env = self._stand_in.env
        rows = env.store.execute("SELECT id, request FROM late_request WHERE due <= ? ORDER BY due, id", env.now())
        for id_, kept in rows:
            late = msgspec.json.decode(kept, type=_Late)
            with env.store.transaction():
                env.store.execute("DELETE FROM late_request WHERE id = ?", id_)
                self.handled(
                    Request(method=late.method, path=late.path, query_string=late.query, headers=late.headers,
                            body=late.body, now=env.clock())
                )  # fmt: skip
        return len(rows)

    async def _commit_late(self) -> None:
        while True:
            self.commit_late()
            await asyncio.sleep(0.05)


class _Late(msgspec.Struct):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


_GO_ON: Final = Answer(status=100)


def _carried_out(handler: Handler, request: Request) -> Answer:
    try:
        return handler(request)
    except Refuse as refused:
        if refused.keep:
            return refused.answer
        raise


async def _write(scope: Scope, send: Send, answer: Answer | None) -> None:
    if answer is None:
        cut = scope.get("extensions", {}).get(_CUT)
        if cut is None:
            raise ConnectionCut("the stand-in closed the connection without an answer")
        await cut()
        return
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
