"""$batch: requests in a multipart body, change sets that succeed or fail as one.

Guide 1.26, 3.10: the outer answer is 202 (OData 3) or 200 (OData 4) whatever came of its parts; it stops at the first
part that fails; a change set that fails has one part in the answer; Content-ID is mandatory in change sets of OData 4 and
can be referred to as ``$1``; no GET inside a change set.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import msgspec

from leja.connectors.sap_b1.stand_in_shapes import Refused
from leja_sandbox.kit import Answer, Refuse, Request, Store

_CONTENT_ID: Final = re.compile(rb"^content-id:\s*(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_INCOMPLETE: Final = "Incomplete Batch Request Body!"


class Part(msgspec.Struct):
    """One request of a batch."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    content_id: str = ""


def parts_of(content_type: str, body: bytes, four: bool) -> list[Part | list[Part]]:
    """The requests of a batch, change sets as lists. Raises Refused for a body that cannot be read."""
    found: list[Part | list[Part]] = []
    for kind, _head, inner in _split(content_type, body):
        if kind.startswith("multipart/mixed"):
            members = [_request(raw, head) for _kind, head, raw in _split(kind, inner)]
            if any(part.method == "GET" for part in members):
                raise Refused(-1000, "GET is not allowed in a change set")
            if four and any(not part.content_id for part in members):
                raise Refused(-1000, "Content-ID is mandatory in a change set")
            found.append(members)
        else:
            found.append(_request(inner, b""))
    if not found:
        raise Refused(-1000, _INCOMPLETE)
    return found


def _split(content_type: str, body: bytes) -> list[tuple[str, bytes, bytes]]:
    """The parts of a multipart body: content type, headers, content."""
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if match is None or not content_type.lower().startswith("multipart/mixed"):
        raise Refused(-1000, _INCOMPLETE)
    mark = b"--" + match.group(1).encode()
    pieces = re.split(rb"(?:^|\r?\n)" + re.escape(mark), body)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refused(-1000, _INCOMPLETE)
    found = []
    for piece in pieces[1:-1]:
        head, content = _headed(piece.lstrip(b"\r\n"))
        kind = BytesParser(policy=HTTP).parsebytes(head + b"\r\n\r\n")["content-type"] or ""
        found.append((str(kind), head, content))
    return found


def _headed(piece: bytes) -> tuple[bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", piece)
    if match is None:
        raise Refused(-1000, _INCOMPLETE)
    return piece[: match.start()], piece[match.end() :]


def _request(raw: bytes, head: bytes) -> Part:
    """A request line, headers and body; a GET needs the two empty lines behind it."""
    line, _, rest = raw.lstrip(b"\r\n").partition(b"\n")
    words = line.decode().split()
    if len(words) < 2 or words[0] not in ("GET", "POST", "PATCH", "DELETE", "PUT"):
        raise Refused(-1000, _INCOMPLETE)
    headers, body = {}, b""
    block, body = (b"", rest) if rest.startswith((b"\r\n", b"\n")) else _headed(rest + b"\r\n\r\n")
    for header in block.splitlines():
        name, _, value = header.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    match = _CONTENT_ID.search(head) or _CONTENT_ID.search(block)
    return Part(words[0], words[1], headers, body.strip(), match.group(1).decode() if match else "")


def answered(
    request: Request,
    four: bool,
    store: Store,
    carry_out: Callable[[Request], Answer],
    failed: Callable[[Refused], Answer],
) -> Answer:
    """Carries a batch out, part by part, and words its answer."""
    sets = parts_of(request.headers.get("content-type", ""), request.body, four)
    boundary = f"batchresponse_{uuid4()}"
    lines: list[bytes] = []
    for each in sets:
        if isinstance(each, list):
            ok, pieces = _change_set(request, each, store, carry_out, failed)
            inner = f"changesetresponse_{uuid4()}"
            if ok:
                block = b"".join(_part(inner, answer, part.content_id) for part, answer in pieces)
                head = f"--{boundary}\r\nContent-Type: multipart/mixed;boundary={inner}\r\n\r\n"
                lines.append(head.encode() + block + f"--{inner}--\r\n".encode())
            else:
                lines.append(_part(boundary, pieces[0][1], pieces[0][0].content_id))
        else:
            answer = _alone(request, each, store, carry_out, failed)
            ok = answer.status < 400
            lines.append(_part(boundary, answer, each.content_id))
        if not ok:
            break
    body = b"".join(lines) + f"--{boundary}--\r\n".encode()
    return Answer(
        status=200 if four else 202, body=body, headers={"content-type": f"multipart/mixed;boundary={boundary}"}
    )


def _inner(request: Request, part: Part, made: dict[str, str]) -> Request:
    path, _, query = part.path.partition("?")
    path = re.sub(r"^https?://[^/]+", "", path)
    path = re.sub(r"\$([^/?()$]+)", lambda match: made.get(match.group(1), match.group(0)), path)
    own = request.path.removesuffix("$batch")
    path = path[path.index("/b1s/") :] if "/b1s/" in path else f"{own}{path.lstrip('/')}"
    headers = {name: value for name, value in request.headers.items() if name in ("cookie", "b1s-caseinsensitive")}
    return msgspec.structs.replace(
        request, method=part.method, path=path, query_string=query, headers={**headers, **part.headers}, body=part.body
    )


def _alone(
    request: Request,
    part: Part,
    store: Store,
    carry_out: Callable[[Request], Answer],
    failed: Callable[[Refused], Answer],
) -> Answer:
    try:
        with store.transaction():
            if request.fault("batch_partial"):
                raise Refused(-10, "Internal error", 500)
            return carry_out(_inner(request, part, {}))
    except Refuse as refused:
        return refused.answer
    except Refused as problem:
        return failed(problem)


def _change_set(
    request: Request, parts: list[Part], store: Store, carry_out: Callable[[Request], Answer],
    failed: Callable[[Refused], Answer],
) -> tuple[bool, list[tuple[Part, Answer]]]:  # fmt: skip
    """All or nothing: the answers of the parts, or the answer of the one that failed."""
    done: list[tuple[Part, Answer]] = []
    made: dict[str, str] = {}
    current = parts[0]
    try:
        with store.transaction():
            for current in parts:
                if request.fault("batch_partial"):
                    raise Refused(-10, "Internal error", 500)
                answer = carry_out(_inner(request, current, made))
                done.append((current, answer))
                if location := answer.headers.get("location"):
                    made[current.content_id] = location.rsplit("/", 1)[1]
    except Refuse as refused:
        return False, [(current, refused.answer)]
    except Refused as problem:
        return False, [(current, failed(problem))]
    return True, done


def _part(boundary: str, answer: Answer, content_id: str) -> bytes:
    head = [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        head.append(f"Content-ID: {content_id}")
    head += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    head += [f"{name.title()}: {value}" for name, value in answer.headers.items()]
    head += [f"Content-Length: {len(answer.body)}", "", ""]
    return "\r\n".join(head).encode() + answer.body + b"\r\n"
