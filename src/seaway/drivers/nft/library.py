"""The same as the `nft` program, without starting one: libnftables, which the program itself is made of.

For many small tables, one a namespace: 0.4 ms each where a process takes 3 ms. Each call opens its own netlink socket, in the namespace
that the calling thread is in.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator
from contextlib import contextmanager

from seaway.drivers.nft.command import NftProgram, refusal
from seaway.drivers.nft.interface import Nft

_NAME = "libnftables.so.1"
_JSON = 1 << 4  # NFT_CTX_OUTPUT_JSON


def quickest_nft() -> Nft:
    """The library where there is one, else the program."""
    try:
        return NftLibrary()
    except OSError:
        return NftProgram()


class NftLibrary:
    """OSError where the library is not installed."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(_NAME)
        self._lib.nft_ctx_new.restype = ctypes.c_void_p
        self._lib.nft_ctx_new.argtypes = (ctypes.c_uint32,)
        for name in ("nft_ctx_free", "nft_ctx_buffer_output", "nft_ctx_buffer_error"):
            getattr(self._lib, name).argtypes = (ctypes.c_void_p,)
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            getattr(self._lib, name).argtypes = (ctypes.c_void_p,)
            getattr(self._lib, name).restype = ctypes.c_char_p
        self._lib.nft_ctx_output_set_flags.argtypes = (ctypes.c_void_p, ctypes.c_uint)
        self._lib.nft_run_cmd_from_buffer.argtypes = (ctypes.c_void_p, ctypes.c_char_p)

    def run(self, text: str) -> None:
        with self._context() as context:
            self._do(context, text)

    def listing(self, table: str) -> str:
        with self._context() as context:
            self._lib.nft_ctx_output_set_flags(context, _JSON)
            self._do(context, f"list table inet {table}")
            return self._lib.nft_ctx_get_output_buffer(context).decode()

    def _do(self, context: int, text: str) -> None:
        if self._lib.nft_run_cmd_from_buffer(context, text.encode()) != 0:
            raise refusal(self._lib.nft_ctx_get_error_buffer(context).decode(errors="replace"))

    @contextmanager
    def _context(self) -> Generator[int]:
        context = self._lib.nft_ctx_new(0)
        try:
            self._lib.nft_ctx_buffer_output(context)
            self._lib.nft_ctx_buffer_error(context)
            yield context
        finally:
            self._lib.nft_ctx_free(context)
