#!/usr/bin/env bash
# requests 2.34.2 and urllib3 2.8.0 on CPython 3.11: where a server sends "103 Early Hints" (RFC 8297) before its answer, as
# Node's `response.writeEarlyHints` and nginx's `early_hints` do, the hint is returned as the answer: status 103, no body.
# http.client passes over "100 Continue" alone. httpx 0.28.1 waits for the answer, as RFC 9110 (section 15.2) asks of a
# client: one or more 1xx responses may come before the final one, expected or not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.11 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0 httpx==0.28.1
cat > "$work/hints.py" <<'PYTHON'
import socketserver
import sys
import threading

import httpx
import requests
import urllib3

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(HINT + ANSWER)


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d/" % server.server_address[1]


def with_requests():
    answer = requests.get(url, timeout=10)
    return answer.status_code, answer.content


def with_urllib3():
    answer = urllib3.PoolManager().request("GET", url, timeout=10, retries=False)
    return answer.status, answer.data


def with_httpx():
    answer = httpx.get(url, timeout=10)
    return answer.status_code, answer.content


found = {}
for ask in (with_requests, with_urllib3, with_httpx):
    found[ask.__name__] = ask()
    print(ask.__name__, *found[ask.__name__])
server.shutdown()
expected = {"with_requests": (103, b""), "with_urllib3": (103, b""), "with_httpx": (200, b"hello")}
sys.exit(0 if found == expected else f"changed: expected {expected}")
PYTHON
cd "$work" && env -u http_proxy -u https_proxy -u HTTP_PROXY env/bin/python hints.py
