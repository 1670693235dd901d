"""Other packages that keep or use OAuth tokens, with extauth beneath: a module for each, and an extra.

Each is used from outside, with an :class:`extauth.Auth` that is open, in the event loop that opened it. None
keeps a token: it asks at every request. The packages' own refreshing is switched off or goes through
:meth:`extauth.Auth.refresh`, so that there is one exchange, whoever asks.
"""
