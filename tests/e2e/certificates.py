# SPDX-License-Identifier: BSD-2-Clause
"""Certificates that are right and wrong, made by openssl, and servers' contexts with them."""
import ssl
import subprocess

from lib import equal, peer

NAME = "mx.tlstest.example"


class Certificates:
    """An authority of the test's own, and what it has signed."""

    def __init__(self, world, name="ca"):
        self.world, self.name, self.openssl = world, name, peer("openssl")
        self.ca = world.path(f"{name}.pem")
        self._run("req", "-x509", *self._key(name), "-out", self.ca, "-days", "30", "-subj", "/CN=test authority",
                  "-addext", "basicConstraints=critical,CA:TRUE")

    def _run(self, *arguments, stdin=None):
        p = subprocess.run([self.openssl, *arguments], input=stdin, capture_output=True)
        equal(p.returncode, 0, p.stderr.decode())
        return p.stdout

    def _key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.world.path(f"{name}.key")

    def make(self, name, alternative, days="30"):
        """Paths of a certificate and its key."""
        request, cert, extensions = (self.world.path(f"{name}.{kind}") for kind in ("csr", "pem", "ext"))
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={alternative}\n")
        self._run("req", *self._key(name), "-out", request, "-subj", f"/CN={name}")
        self._run("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.world.path(f"{self.name}.key"), "-out", cert,
                  "-days", days, "-extfile", extensions)
        return cert, self.world.path(f"{name}.key")

    def self_signed(self, name):
        cert = self.world.path(f"{name}.pem")
        self._run("req", "-x509", *self._key(name), "-out", cert, "-days", "30", "-subj", f"/CN={name}",
                  "-addext", f"subjectAltName=DNS:{NAME}")
        return cert, self.world.path(f"{name}.key")

    def pin(self, cert):
        key = self._run("x509", "-in", cert, "-noout", "-pubkey")
        der = self._run("pkey", "-pubin", "-outform", "der", stdin=key)
        return self._run("dgst", "-sha256", stdin=der).decode().split()[-1]


def server(pair, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    for name, value in options.items():
        setattr(context, name, value)
    return context
