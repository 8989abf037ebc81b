"""Who hands out credentials, and the store that sees which arrive: listeners on loopback.

Each access key says where it comes from; a role's says also whose it is and who took it, so that two programs that reach the
same key went the same way.
"""

import hashlib
import http.server
import json
import re
import threading
import urllib.parse

END = '2099-01-01T00:00:00Z'


def key_of(*words):
    """An access key that stands for `words`."""
    return 'ASIA' + hashlib.sha256(' '.join(words).encode()).hexdigest()[:16].upper()


def signer(headers):
    """The access key that signed a request."""
    found = re.search(r'Credential=([^/]+)/', headers.get('Authorization', ''))
    return found and found.group(1)


def listen(answer):
    """The URL of a listener that answers `answer(method, path, headers, body)`: status, type and text."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *_):
            pass

        def reply(self):
            length = int(self.headers.get('Content-Length') or 0)
            body = self.rfile.read(length) if length else b''
            status, kind, text = answer(self.command, self.path, self.headers, body.decode('latin-1'))
            data = text.encode()
            self.send_response(status)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            if self.command != 'HEAD':
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = reply

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return 'http://127.0.0.1:%d' % server.server_address[1]


def issued(key):
    keys = {'Code': 'Success', 'AccessKeyId': key, 'SecretAccessKey': 's', 'Token': 't', 'Expiration': END}
    return 200, 'application/json', json.dumps(keys)


def sts(method, path, headers, body):
    form = dict(urllib.parse.parse_qsl(body))
    action = form.get('Action', '')
    by = form.get('WebIdentityToken') or signer(headers) or 'nobody'
    key = key_of(action, form.get('RoleArn', ''), by)
    return 200, 'text/xml', (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
        f'<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>'
        f'<Expiration>{END}</Expiration></Credentials></{action}Result></{action}Response>'
    )


def refuse(method, path, headers, body):
    return 403, 'application/json', '{"code": "AccessDenied", "message": "no"}'


def container(method, path, headers, body):
    if headers.get('Authorization', 'pod') != 'pod':
        return refuse(method, path, headers, body)
    return issued(key_of('container', headers.get('Authorization', '')))


def metadata(role, version_one=False):
    """An instance's metadata, which knows version 2 unless it is `version_one`."""

    def answer(method, path, headers, body):
        if path == '/latest/api/token':
            return (405, 'text/plain', '') if version_one else (200, 'text/plain', 'session')
        if not version_one and headers.get('x-aws-ec2-metadata-token') != 'session':
            return 401, 'text/plain', ''
        if path.endswith('/security-credentials/'):
            return (200, 'text/plain', role) if role else (404, 'text/plain', '')
        return issued(key_of('instance', path.rsplit('/', 1)[1]))

    return listen(answer)


class Store:
    """A store that refuses everybody and remembers the first who came."""

    def __init__(self):
        self.key = None
        self.url = listen(self.answer)

    def answer(self, method, path, headers, body):
        self.key = self.key or signer(headers)
        return 403, 'application/xml', '<Error><Code>AccessDenied</Code><Message>seen</Message></Error>'
