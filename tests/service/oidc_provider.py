"""A provider of identities on this machine: real HTTP, real keys, authorization codes that are used once, and PKCE."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "samram-here"
CLIENT_SECRET = "the provider's word for us"


class Provider:
    """Signs in whoever ``person`` says; ``claims`` and ``key`` can be changed to make it lie."""

    def __init__(self) -> None:
        self.key: Any = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.published = self.key.public_key()
        self.algorithm = "RS256"
        self.person: dict[str, Any] = {"sub": "1", "email": "desk@city.example", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, urlsplit(self.path).path, parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["content-length"])).decode()
                provider.answer(self, self.path, parse_qs(form))

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, path: str, query: dict[str, list[str]]) -> None:
        """Answer one request."""
        said = {name: values[0] for name, values in query.items()}
        if path == "/.well-known/openid-configuration":
            addresses = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found = {name: f"{self.issuer}/{where}" for name, where in addresses.items()}
            _send(request, 200, {"issuer": self.issuer, **found})
        elif path == "/keys":
            key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.published))
            _send(request, 200, {"keys": [key | {"kid": "1", "use": "sig", "alg": "RS256"}]})
        elif path == "/authorize":
            assert said["client_id"] == CLIENT
            assert (said["response_type"], said["code_challenge_method"]) == ("code", "S256")
            code = secrets.token_urlsafe(16)
            self._codes[code] = said
            request.send_response(302)
            back = urlencode({"code": code, "state": said["state"]})
            request.send_header("location", f"{said['redirect_uri']}?{back}")
            request.end_headers()
        elif path == "/token":
            asked = self._codes.pop(said["code"], None)
            verifier = base64.urlsafe_b64encode(hashlib.sha256(said["code_verifier"].encode()).digest())
            if (
                asked is None
                or asked["redirect_uri"] != said["redirect_uri"]
                or asked["code_challenge"] != verifier.rstrip(b"=").decode()
                or (said["client_id"], said["client_secret"]) != (CLIENT, CLIENT_SECRET)
            ):
                _send(request, 400, {"error": "invalid_grant"})
                return
            now = int(time.time())
            claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
            claims |= self.person | self.claims
            token = jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": "1"})
            _send(request, 200, {"id_token": token, "token_type": "Bearer", "access_token": "x"})
        else:
            _send(request, 404, {})


def _send(request: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)
