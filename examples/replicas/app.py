"""One replica: users connect an account, and the provider's API is called for them.

Any number of these may run on one database. None knows of another, and none needs to: whichever a user comes
to has the user's token, and of all that are refused the same one, one exchanges it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse

import extauth
from extauth import LinkNotFound, ReauthorizationRequired, TemporarilyUnavailable, Upkeep
from extauth.adapters.encryption import keys_from_environment
from extauth.adapters.oauth2 import OAuth2Provider
from extauth.clients.httpx import TokenAuth
from extauth.web import ConnectedAccounts
from extauth.web.starlette import routes

PROVIDER_URL = os.environ["PROVIDER_URL"]  # the stand-in of run.py; a preset knows where its provider is
CALENDAR = OAuth2Provider(
    "calendar",
    client_id=os.environ["CALENDAR_CLIENT_ID"],
    client_secret=os.environ["CALENDAR_CLIENT_SECRET"],
    authorize_url=f"{PROVIDER_URL}/authorize",
    token_url=f"{PROVIDER_URL}/token",
    revoke_url=f"{PROVIDER_URL}/revoke",
)

current_user: ContextVar[str] = ContextVar("current_user")


async def who(request: Request) -> str | None:
    """Say who is signed in. Your session stands here; a cookie that anybody can write is for examples."""
    return request.cookies.get("user")


async def signed_in(user: Annotated[str | None, Depends(who)]) -> str:
    """Refuse strangers."""
    if user is None:
        raise HTTPException(status_code=401, detail="Sign in first.")
    return user


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Open extauth once, with one HTTP client for all users."""
    async with extauth.open(
        os.environ["DATABASE_URL"], [CALENDAR], keys=keys_from_environment(), upkeep=Upkeep()
    ) as auth:
        shows_token = TokenAuth(auth, "calendar", current_user, origins=[PROVIDER_URL])
        async with httpx.AsyncClient(auth=shows_token) as http:
            yield {"auth": auth, "http": http}


app = FastAPI(lifespan=lifespan)
accounts = ConnectedAccounts(
    lambda request: request.state.auth, who, public_url=f"{os.environ['PUBLIC_URL']}/accounts"
)
app.router.routes.extend(routes(accounts))


@app.get("/sign-in/{user}")
async def sign_in(user: str) -> RedirectResponse:
    """Let whoever asks be this user: where yours ask for a password."""
    to_accounts = RedirectResponse("/accounts/", status_code=303)
    to_accounts.set_cookie("user", user, httponly=True, samesite="lax")
    return to_accounts


@app.get("/calendar")
async def calendar(request: Request, user: Annotated[str, Depends(signed_in)]) -> dict[str, Any]:
    """Call the provider's API for the user."""
    current_user.set(user)
    answer = await request.state.http.get(f"{PROVIDER_URL}/resource")
    return {"replica": os.getpid(), "api": answer.raise_for_status().json()}


@app.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """Answer a readiness probe."""
    readiness = await request.state.auth.ready()
    return JSONResponse({"ready": readiness.ready}, status_code=readiness.status)


@app.exception_handler(LinkNotFound)
@app.exception_handler(ReauthorizationRequired)
async def connect_first(_: Request, error: Exception) -> JSONResponse:
    """Say that only the user can mend it, and where."""
    return JSONResponse({"error": getattr(error, "code", ""), "connect": "/accounts/"}, status_code=409)


@app.exception_handler(TemporarilyUnavailable)
async def later(_: Request, error: Exception) -> JSONResponse:
    """Say that it passes."""
    return JSONResponse({"error": getattr(error, "code", "")}, status_code=503)
