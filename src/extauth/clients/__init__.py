"""HTTP clients that show a user's access token to a provider's API: for aiohttp, httpx and httpx2.

Each is a module of its own, and needs the extra of that name: :mod:`extauth.clients.aiohttp`,
:mod:`extauth.clients.httpx`, :mod:`extauth.clients.httpx2`.
"""
