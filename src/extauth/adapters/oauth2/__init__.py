"""The OAuth 2.0 client over aiohttp."""
