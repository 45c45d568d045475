# SPDX-License-Identifier: BSD-2-Clause
"""TLS with next hops that are real TLS servers, with certificates that are right and wrong."""
import re
import signal
import socket
import sqlite3
import ssl
import threading

from certificates import NAME, Certificates, server
from lib import Hop, await_, equal, main, match

def configure(world, hop, row, to=None):
    world.configure(f'route = ( {{ for = "*", to = [ "{to or hop.to()}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "1s*3 120s" } )\n' + (f"tls = ( {row} )\n" if row else ""))


def start(world, hop, row, to=None):
    configure(world, hop, row, to)
    world.start()


def send(world, text="x"):
    world.sendmail("-f", "a@home.example", "b@tlstest.example", text=f"Subject: {text}.\n\nx\n")


def verify(more):
    return '{ for = "127.0.0.1", policy = "verify", ' + more + " }"


def test_may_is_the_default(world):
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()
    start(world, hop, None)
    send(world)
    hop.await_one("Subject: x.")
    equal(hop.handshakes, ["TLSv1.3"], "the handshake")
    lines = [line for _, line in hop.commands]
    equal([line.split()[0] for line in lines[:4]], ["EHLO", "STARTTLS", "EHLO", "MAIL"], "commands")
    world.await_log(r"Untrusted TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: "
                    r"TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256/256 bits\)$")
    world.await_empty()


def test_none_does_not_ask(world):
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()
    start(world, hop, '{ for = "*", policy = "none" }')
    send(world)
    hop.await_one("Subject: x.")
    equal(hop.handshakes, [], "handshakes")


def test_may_falls_back_and_remembers(world):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(*Certificates(world).self_signed("own"))
    old.set_ciphers("AES128-SHA256")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    hop = Hop(world, tls=old, answer=lambda verb, line, session: "220 go\r\nHTTP/1.1 400 Bad Request" if verb == "STAR" else None).up()
    start(world, hop, None)
    send(world, "first")
    hop.await_one("Subject: first.")
    equal(hop.connections, 2, "connections")
    world.await_log(r"TLS with 127\.0\.0\.1\[127\.0\.0\.1\]:\d+ failed: the reply to STARTTLS was followed by more in "
                    r"clear; it is tried without TLS$")
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    hop.answer = lambda verb, line, session: "454 4.7.0 no TLS now" if verb == "STAR" else None
    send(world, "second")
    hop.await_one("Subject: second.", "in clear on the same connection")
    equal(hop.handshakes, [], "handshakes")


def test_broken_handshake(world):
    """The host says something else than TLS: once; then it is known."""
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()

    def answer(s):
        s.recv(4000)
        s.sendall(b"what is this?\r\n")
        raise OSError("as scripted")
    hop._secure = answer
    start(world, hop, None)
    send(world, "first")
    hop.await_one("Subject: first.")
    world.await_log("failed: the host does not speak TLS here .*; it is tried without TLS$")
    equal(hop.connections, 2, "connections")
    send(world, "second")
    hop.await_one("Subject: second.")
    equal(len(re.findall("tried without TLS", world.log())), 1, "failures")


def test_required_and_not_offered(world):
    hop = Hop(world).up()
    start(world, hop, '{ for = "*", policy = "encrypt" }')
    send(world)
    world.await_log(r"dsn=4\.7\.4, status=deferred \(TLS is required, but was not offered by host 127\.0\.0\.1\[127\.0\.0\.1\]\)")
    equal(hop.taken, [], "what the host took")
    hop.tls = server(Certificates(world).self_signed("own"))
    hop.answer = lambda verb, line, session: "454 4.7.0 no TLS now" if verb == "STAR" else None
    world.run("fermoposta", "flush")
    world.await_log(r"dsn=4\.7\.5, status=deferred \(TLS is required, but host 127\.0\.0\.1\[127\.0\.0\.1\] refused to start "
                    r"it: 454 4\.7\.0 no TLS now\)")
    hop.answer = None
    world.run("fermoposta", "flush")
    hop.await_one("Subject: x.", "encrypted")
    world.await_empty()


def refused(world, row, pair, why, **options):
    hop = Hop(world, tls=server(pair, **options)).up()
    start(world, hop, row)
    send(world)
    world.await_log(r"relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .* dsn=4\.7\.5, status=deferred "
                    r"\(TLS with 127\.0\.0\.1\[127\.0\.0\.1\]:\d+ failed: " + why + r"\)")
    equal((hop.taken, [line for _, line in hop.commands if line.startswith("MAIL")]), ([], []), "what the host got")
    equal(len(world.queue()), 1, "messages in the queue")
    return hop


def test_wrong_name(world):
    c = Certificates(world)
    refused(world, verify(f'ca_file = "{c.ca}"'), c.make("other", "DNS:other.example,DNS:two.example"),
            "hostname mismatch: the certificate is for other.example, two.example")


def test_expired(world):
    c = Certificates(world)
    refused(world, verify(f'ca_file = "{c.ca}"'), c.make("old", "IP:127.0.0.1", days="-1"), "certificate has expired")


def test_self_signed(world):
    c = Certificates(world)
    refused(world, verify(f'ca_file = "{c.ca}", names = [ "{NAME}" ]'), c.self_signed("own"), "self-signed certificate")


def test_unknown_authority(world):
    c = Certificates(world)
    refused(world, verify(f'names = [ "{NAME}" ]'), c.make("right", f"DNS:{NAME}"),
            "unable to get local issuer certificate")


def test_verified_and_resumed(world):
    c = Certificates(world)
    hop = Hop(world, tls=server(c.make("right", f"DNS:{NAME},IP:127.0.0.1"))).up()
    start(world, hop, verify(f'ca_file = "{c.ca}"'))
    world.sendmail("-f", "a@home.example", "b@tlstest.example", text="Subject: large.\n\n" + ("x" * 70 + "\n") * 60000)
    got = hop.await_one("Subject: large.")
    equal(len(got.body), 72 * 60000, "octets of the body")
    world.await_log("Verified TLS connection established to .*: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 ")
    world.await_empty()
    await_(lambda: any(line == "QUIT" for _, line in hop.commands), "QUIT")
    send(world, "again")
    hop.await_one("Subject: again.")
    equal(hop.handshakes, ["TLSv1.3", "resumed"], "handshakes")
    configure(world, hop, verify(f'ca_file = "{c.ca}", names = [ ".tlstest.example" ]'))
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    send(world, "third")
    hop.await_one("Subject: third.")
    equal(hop.handshakes, ["TLSv1.3", "resumed", "TLSv1.3"], "handshakes, on other terms a whole one")


def test_asked_for_by_the_sender(world):
    """REQUIRETLS (RFC 8689): verified whatever the rows say, told on, and given back where it is not offered."""
    c = Certificates(world)
    keywords = ("PIPELINING", "8BITMIME", "SIZE", "REQUIRETLS")
    hop = Hop(world, tls=server(c.make("right", "IP:127.0.0.1")), keywords=keywords).up()
    home = Hop(world).up()
    able = Hop(world, "127.0.0.2", tls=server(c.make("able", "DNS:other.example")), keywords=keywords).up()
    world.configure(f'route = ( {{ for = "*", to = [ "{hop.to()}" ] }}, {{ for = "home.example", to = [ "{home.to()}" ] }},\n'
                    f'  {{ for = "able.example", to = [ "{able.to()}" ] }} )\n'
                    'tls = ( { for = "*", policy = "none" }, { for = "127.0.0.2", policy = "may" } )\n')
    world.env["SSL_CERT_FILE"] = c.ca  # in place of the system's
    world.start()
    send(world, "plain")
    equal("REQUIRETLS" in hop.await_one("Subject: plain.").mail_line, False, "MAIL of other mail")
    equal(hop.handshakes, [], "handshakes")
    world.sendmail("--require-tls", "-f", "a@home.example", "b@tlstest.example", text="Subject: asked.\n\nx\n")
    match(hop.await_one("Subject: asked.").mail_line, " REQUIRETLS", "MAIL")
    equal(hop.handshakes, ["TLSv1.3"], "handshakes")
    world.await_log("Verified TLS connection established to 127")
    hop.keywords = keywords[:3]
    world.sendmail("--require-tls", "-R", "full", "-f", "a@home.example", "b@tlstest.example", text="Subject: secret.\n\nbody\n")
    notice = home.await_one("Subject: secret.")
    match(notice.data, r"^Status: 5\.7\.30\r?$", "why")
    equal(b"\r\nbody\r\n" in notice.data, False, "its body")
    equal("REQUIRETLS" in notice.mail_line, False, "MAIL of a notice to a host that does not offer it")
    world.sendmail("--require-tls", "-f", "a@able.example", "b@tlstest.example", text="Subject: back.\n\nx\n")
    match(able.await_one("Subject: back.").mail_line, "^MAIL FROM:<> .*REQUIRETLS", "MAIL of its notice (RFC 8689 5)")
    world.await_empty()


def test_implicit(world):
    c = Certificates(world)
    hop = Hop(world, tls=server(c.make("right", "IP:127.0.0.1")), is_implicit=True).up()
    start(world, hop, verify(f'ca_file = "{c.ca}"'), to=hop.to("smtps"))
    send(world)
    hop.await_one("Subject: x.")
    equal([line.split()[0] for _, line in hop.commands[:2]], ["EHLO", "MAIL"], "commands")
    world.await_log("Verified TLS connection established to .*: TLSv1.3 ")


def test_implicit_with_a_clear_host(world):
    """Neither side says anything first that the other understands."""
    hop = Hop(world).up()
    start(world, hop, None, to=hop.to("smtps"))
    send(world)
    world.await_log(r"status=deferred \(TLS with .* failed: the host does not speak TLS here")
    equal(hop.taken, [], "what the host took")


def test_one_connection_for_many(world):
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()
    configure(world, hop, None)
    with open(world.conf, "a") as f:
        f.write('limit = ( { for = "*", connections = 1 } )\nidle_time = "10s"\n')
    world.start()
    for n in range(20):
        send(world, f"n{n}")
    await_(lambda: len(hop.taken) == 20, "20 messages")
    equal(hop.handshakes, ["TLSv1.3"], "handshakes")
    equal({m.connection for m in hop.taken}, {1}, "connections")


def test_pin(world):
    c = Certificates(world)
    pair, other = c.self_signed("own"), c.self_signed("other")
    hop = refused(world, verify(f'pins = [ "{c.pin(other[0])}" ]'), pair,
                  f"the host's key is none of the pins: it is {c.pin(pair[0])}")
    configure(world, hop, verify(f'pins = [ "{c.pin(pair[0])}" ]'))
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.run("fermoposta", "flush")
    hop.await_one("Subject: x.")
    world.await_log("Verified TLS connection established")


def test_client_certificate(world):
    c = Certificates(world)
    tls = server(c.make("right", "IP:127.0.0.1"), verify_mode=ssl.CERT_REQUIRED)
    tls.load_verify_locations(c.ca)
    hop = Hop(world, tls=tls).up()
    start(world, hop, '{ for = "*", policy = "encrypt" }')
    send(world)
    world.await_log(r"dsn=4\.7\.5, status=deferred \(TLS with .* failed: .*certificate required")
    mine = c.make("mine", "DNS:mail.example.org")
    configure(world, hop, f'{{ for = "*", policy = "encrypt", cert_file = "{mine[0]}", key_file = "{mine[1]}" }}')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.run("fermoposta", "flush")
    hop.await_one("Subject: x.")


def test_files_that_are_not_there(world):
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()
    start(world, hop, verify('ca_file = "/nowhere/ca.pem"'))
    send(world)
    world.await_log("status=deferred .blocked here: .*cannot use ca_file /nowhere/ca.pem: No such file or directory")


class Injector(threading.Thread):
    """Says more behind the 220 of STARTTLS, in the same packet: with luck it would be heard inside."""

    def __init__(self, context):
        super().__init__(daemon=True)
        self.context, self.seen = context, []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.start()

    def to(self):
        return f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self):
        while True:
            s, _ = self.listener.accept()
            try:
                s.sendall(b"220 hop ESMTP\r\n")
                s.recv(1000)
                s.sendall(b"250-hop\r\n250 STARTTLS\r\n")
                s.recv(1000)
                s.sendall(b"220 go\r\n250-injected\r\n250 SMTPUTF8\r\n")
                s.settimeout(20)
                self.seen.append(s.recv(1000))
            except OSError as e:
                self.seen.append(repr(e).encode())
            s.close()


def test_injection(world):
    hop = Injector(None)
    start(world, hop, '{ for = "*", policy = "encrypt" }')
    send(world)
    world.await_log("failed: the reply to STARTTLS was followed by more in clear")
    match(hop.seen[0], "^$|reset", "what the host heard behind its 220")


def test_history(world):
    hop = Hop(world, tls=server(Certificates(world).self_signed("own"))).up()
    start(world, hop, None)
    send(world)
    hop.await_one("Subject: x.")
    world.await_empty()
    spool = sqlite3.connect(world.path("spool.db"))
    equal(spool.execute("SELECT tls FROM finished").fetchall(), [("TLSv1.3 TLS_AES_256_GCM_SHA384",)], "history")
    spool.close()


if __name__ == "__main__":
    main(globals())
