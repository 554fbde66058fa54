"""Requests over kept connections, in little time: `http_load.py HOST:PORT PATH BODY SECONDS CLIENTS`.

Prints requests per second, the 99th percentile in ms and the failures, as JSON.
"""

import asyncio
import json
import sys
import time

import uvloop


async def client(address: str, request: bytes, until: float, times: list[float]) -> int:
    """Ask until the time is over; how many answers were not 200."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    failures = 0
    while (started := time.perf_counter()) < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - started)
        failures += b" 200 " not in head[:16]
    writer.close()
    return failures


async def load(address: str, path: str, body: bytes, seconds: float, clients: int) -> dict[str, float]:
    """The figures of all clients together."""
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    times: list[float] = []
    started = time.perf_counter()
    calls = [client(address, request, started + seconds, times) for _ in range(clients)]
    failures = sum(await asyncio.gather(*calls))
    took = time.perf_counter() - started
    times.sort()
    return {"rate": len(times) / took, "p99": 1e3 * times[int(0.99 * len(times))], "failures": failures}


if __name__ == "__main__":
    address, path, body, seconds, clients = sys.argv[1:]
    print(json.dumps(uvloop.run(load(address, path, body.encode(), float(seconds), int(clients)))))
