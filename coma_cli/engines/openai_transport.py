"""Sending calls to a chat server with aiohttp, under the openai package's settings and error classes.

The client of the openai package builds three layers of objects per call, which costs several times what the call itself
does; here a call is one POST of bytes. Addresses, headers and keys come from that client, and failures are raised as
its errors. Proxies and certificates are those of the environment; a SOCKS proxy is used through httpx2.
"""

import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from coma_cli.engines.chat import Connection
from coma_cli.engines.openai_key import api_key, without_key
from coma_cli.engines.replies import BadReplyError
from coma_cli.errors import CliError

if TYPE_CHECKING:
    import aiohttp
    from openai import AsyncOpenAI, OpenAI

ORGANISATION_VARIABLE = "OPENAI_ORG"
NO_KEY = "none"  # sent to servers without keys, since the client requires one
MOST_BYTES = 1 << 25  # of one answer: hundreds of times the longest that a model writes
_END_OF_STREAM = b"data: [DONE]"
_SUCCESS = range(200, 300)
_LONGEST_CONNECT_S, _CONNECT_SHARE = 30.0, 0.8


@dataclass(frozen=True)
class RawReply:
    """The body of a successful reply, and its headers by lower-case name."""

    body: bytes
    headers: dict[str, str]


def open_client(connection: Connection) -> "AsyncOpenAI":
    """The openai package's client, which makes one attempt per call: retries are handled by the session.

    Raises:
        CliError: the environment's proxy or certificates can't be used.
    """
    from openai import AsyncOpenAI

    client: AsyncOpenAI = _opened(AsyncOpenAI, connection)
    return client


def open_blocking_client(connection: Connection) -> "OpenAI":
    """As `open_client`, for calls that nothing runs beside."""
    from openai import OpenAI

    client: OpenAI = _opened(OpenAI, connection)
    return client


def _opened(kind: Callable[..., Any], connection: Connection) -> Any:
    from httpx2 import InvalidURL

    try:
        return kind(
            api_key=api_key() or NO_KEY,
            organization=(os.environ.get(ORGANISATION_VARIABLE) or "").strip() or None,
            base_url=connection.base_url,
            timeout=connection.timeout_s,
            max_retries=0,
        )
    except (ImportError, OSError, ValueError, InvalidURL) as error:
        raise CliError(
            f"No connection can be set up: {without_key(str(error)) or type(error).__name__}.",
            "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE (a SOCKS proxy: pip install socksio).",
        ) from None


class Transport:
    """Sends the calls of one session; made and used on one event loop."""

    def __init__(self, connection: Connection) -> None:
        self._client = open_client(connection)
        self._base = str(self._client.base_url)
        named = {**self._client.default_headers, **self._client.auth_headers}
        self._headers = {name: value for name, value in named.items() if isinstance(value, str)}
        self._proxy = proxy_of(self._base)
        self._how = self._addressed()
        self._connect_s = min(_LONGEST_CONNECT_S, _CONNECT_SHARE * connection.timeout_s)
        self._http: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes) -> RawReply:
        """The reply to one call.

        Raises:
            APIStatusError, APIConnectionError: as the openai package raises them. BadReplyError: the reply has no end.
        """
        if self._proxy is not None and self._proxy.startswith("socks"):
            return await self._through_socks(path, body)
        return await self._direct(path, body)

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()
        await self._client.close()

    async def _direct(self, path: str, body: bytes) -> RawReply:
        import aiohttp

        try:
            session = self._session()
            async with session.post(self._base + path, data=body, **self._how) as reply:
                content = await _content(reply)
                headers = {name.lower(): value for name, value in reply.headers.items()}
        except (aiohttp.ClientError, OSError) as error:
            self._raise_unsent(path, error)
        if reply.status not in _SUCCESS:
            self._raise_status(path, reply.status, headers, content)
        return RawReply(content, headers)

    def _session(self) -> "aiohttp.ClientSession":
        """The session, opened on the first call, since that must happen on the event loop."""
        if self._http is None:
            import aiohttp
            from httpx2 import create_ssl_context

            secure = self._base.startswith("https:") or (self._proxy or "").startswith("https:")
            # The pacer bounds the number of calls, so the pool need not.
            connector = aiohttp.TCPConnector(limit=0, ssl=create_ssl_context() if secure else False)
            self._http = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # The caller's deadline is for the whole call. One that never connected is told apart: it is not paid.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            )
        return self._http

    def _addressed(self) -> dict[str, Any]:
        """The headers of a call, and its proxy, whose password goes to the proxy only.

        They are not those of the session: aiohttp would send these to the proxy too, the key as its password.
        """
        if self._proxy is None:
            return {"headers": self._headers}
        parts = urlsplit(self._proxy)
        proxy = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        if parts.username is None:
            return {"headers": self._headers, "proxy": proxy}
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        password = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}
        if self._base.startswith("https:"):
            return {"headers": self._headers, "proxy": proxy, "proxy_headers": password}
        return {"headers": self._headers | password, "proxy": proxy}

    async def _through_socks(self, path: str, body: bytes) -> RawReply:
        import httpx2

        reply = await self._client.post(f"/{path}", cast_to=httpx2.Response, content=body)
        return RawReply(reply.content, dict(reply.headers))

    def _raise_unsent(self, path: str, error: Exception) -> NoReturn:
        import httpx2
        from openai import APIConnectionError

        request = httpx2.Request("POST", self._base + path)
        raise APIConnectionError(message=str(error), request=request) from error

    def _raise_status(self, path: str, status: int, headers: dict[str, str], content: bytes) -> NoReturn:
        import httpx2
        from openai import APIStatusError

        # The content is decoded already.
        kept = {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}
        request = httpx2.Request("POST", self._base + path)
        response = httpx2.Response(status, headers=kept, content=content, request=request)
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            said = None
        body = said.get("error", said) if isinstance(said, dict) else said
        raise APIStatusError(f"Error code: {status}", response=response, body=body)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL, by its scheme or else for all, unless it excludes the host."""
    parts, proxies = urlsplit(url), getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.hostname or ""):
        return None
    return named if "://" in named else f"http://{named}"


async def _content(reply: "aiohttp.ClientResponse") -> bytes:
    """The body of a reply, up to its end or to the end of its stream.

    Raises:
        BadReplyError: it is longer than any answer.
    """
    length = reply.content_length
    if length is not None and length <= MOST_BYTES and "Content-Encoding" not in reply.headers:
        return await reply.read()
    whole = bytearray()
    async for chunk in reply.content.iter_any():
        whole += chunk
        if _END_OF_STREAM in whole[-len(chunk) - len(_END_OF_STREAM) :]:
            break  # a server may keep the connection open after that
        if len(whole) > MOST_BYTES:
            raise BadReplyError(f"the reply does not end within {MOST_BYTES >> 20} MiB")
    return bytes(whole)


def encode_call(wire: dict[str, Any]) -> bytes:
    """The body of a call; fields that are not in OpenAI's API are among the others."""
    fields = {name: value for name, value in wire.items() if name != "extra_body"}
    return json.dumps({**fields, **wire.get("extra_body", {})}, ensure_ascii=False, separators=(",", ":")).encode()
