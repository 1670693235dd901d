"""Where the site's pages are; imported by Django when it has been set up."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("django.contrib.auth.urls")),
    path("", include("oauth2_provider.urls")),
]
