#!/usr/bin/env bash
# What one would guess: a compressed answer that was cut off raises an error, whatever compressed it, since gzip ends
# with a checksum and a length, and zlib with a checksum.
# What happens (aiohttp 3.14.5): a cut zlib body ("deflate") raises, a cut gzip body does not. read() returns what
# came out so far as if it were all, also where Content-Length is kept and where the connection was closed early.
# What it means for users of extauth: a form-encoded token answer may end within the refresh token, and the half would
# be stored over the whole one. extauth asks for no compression, decompresses by itself, and counts no answer
# whose end mark has not come.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
cat > "$folder/show.py" <<'PYTHON'
import asyncio
import sys
import zlib

import aiohttp

FORM = b"access_token=at-1&token_type=bearer&refresh_token=rt-1-and-the-rest-of-it"


def packed(wbits):
    packing = zlib.compressobj(wbits=wbits)
    return packing.compress(FORM) + packing.flush()


async def read(coding, body, length):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n"
        head += f"Content-Length: {len(body)}\r\n" if length else "Connection: close\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, aiohttp.ClientSession() as session:
        try:
            async with session.get(url) as response:
                return await response.read()
        except aiohttp.ClientError as error:
            return error


async def main():
    print("aiohttp", aiohttp.__version__)
    right = True
    for coding, wbits in (("gzip", 31), ("deflate", 15)):
        for length in (True, False):
            whole = packed(wbits)
            assert await read(coding, whole, length) == FORM
            got = await read(coding, whole[:-12], length)
            print(f"{coding:8} cut by 12 bytes, {'Content-Length' if length else 'until close'}: {got!r}")
            half = isinstance(got, bytes) and FORM.startswith(got) and len(got) < len(FORM)
            right = right and (half if coding == "gzip" else isinstance(got, aiohttp.ClientError))
    print("as stated" if right else "NOT as stated")
    return 0 if right else 1


sys.exit(asyncio.run(main()))
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
