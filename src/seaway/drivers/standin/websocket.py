"""WebSocket (RFC 6455) of a stand-in: every message comes back as it was sent. Handshake and frames are wsproto's."""

from __future__ import annotations

import asyncio

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from seaway.drivers.standin.connection import IDLE_TIMEOUT_S, Connection, Port


class WebSocketEcho(Connection):
    """Takes over after the request that asks for the upgrade; a handshake that is wrong is refused with 400."""

    __slots__ = ("_asked", "_websocket")

    def __init__(self, port: Port, asked: h11.Request) -> None:
        super().__init__(port)
        self._asked = asked
        self._websocket = WSConnection(ConnectionType.SERVER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.due_in(IDLE_TIMEOUT_S)
        try:
            self._websocket.initiate_upgrade_connection(list(self._asked.headers), self._asked.target.decode("latin-1"))
            self._pump()
        except RemoteProtocolError as error:
            self._send(error.event_hint or RejectConnection())
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.due_in(IDLE_TIMEOUT_S)
        try:
            self._websocket.receive_data(data)
            self._pump()
        except RemoteProtocolError:
            self.transport.close()

    def leave(self) -> None:
        """1001: the server goes away."""
        if self._websocket.state is ConnectionState.OPEN:
            self._send(CloseConnection(code=1001))
        self.transport.close()

    def _pump(self) -> None:
        for event in self._websocket.events():
            if isinstance(event, Request):
                self._send(AcceptConnection(subprotocol=next(iter(event.subprotocols), None)))
            elif isinstance(event, TextMessage):  # piece by piece, so that a long message is never held whole
                self._send(TextMessage(event.data, event.frame_finished, event.message_finished))
            elif isinstance(event, BytesMessage):
                self._send(BytesMessage(event.data, event.frame_finished, event.message_finished))
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                if self._websocket.state is ConnectionState.REMOTE_CLOSING:
                    self._send(event.response())
                self.transport.close()

    def _send(self, event: Event) -> None:
        try:
            self.transport.write(self._websocket.send(event))
        except LocalProtocolError:
            self.transport.close()
