# SPDX-License-Identifier: BSD-2-Clause
"""MTA-STS with a real name server, a policy server by HTTPS, and hosts with certificates that are
right and wrong."""
import http.server
import random
import signal
import sqlite3
import threading

from certificates import Certificates, server
from knot import Knot
from lib import Hop, await_, equal, free_port, main, match, need_root

DOMAIN = "d.mailtest.example"
POLICY_HOST, MX = f"mta-sts.{DOMAIN}", f"mx.{DOMAIN}"
ENFORCE = f"version: STSv1\r\nmode: enforce\r\nmx: *.{DOMAIN}\r\nmax_age: 86400\r\n"


class PolicyServer:
    """HTTPS on port 443 of an address of its own. answer(handler) may say something else."""

    def __init__(self, world, pair, text=ENFORCE, answer=None):
        self.text, self.answer, self.asked, self.http = text, answer, [], None
        context = server(pair)
        context.sni_callback = lambda s, name, _: self.asked.append(name)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                (outer.answer or PolicyServer.give)(self)

            def log_message(self, *_):
                pass

        Handler.server_of_test = self
        for _ in range(50):
            self.ip = f"127.{random.randint(10, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
            try:
                self.http = http.server.ThreadingHTTPServer((self.ip, 443), Handler)
                break
            except OSError:
                continue
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a certificate that is refused is no news
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        world.closers.append(self.close)

    @staticmethod
    def give(handler, status=200, kind="text/plain; charset=utf-8", text=None, more=()):
        body = (handler.server_of_test.text if text is None else text).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in more:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        if self.http:
            self.http.shutdown()
            self.http.server_close()
            self.http = None


class Stage:
    def __init__(self, world, policy_pair=None, hop_tls=None, text=ENFORCE, answer=None, row="", policy_ip=None):
        need_root()
        self.world, self.certificates = world, Certificates(world)
        self.server = PolicyServer(world, policy_pair(self.certificates) if policy_pair else
                                   self.certificates.make("policy", f"DNS:{POLICY_HOST}"), text, answer)
        self.port, self.dns = free_port("127.0.2.1"), free_port()
        self.hop = Hop(world, "127.0.2.1", self.port, tls=server(hop_tls(self.certificates)) if hop_tls else None).up()
        self.policy_ip = policy_ip or self.server.ip
        self.knot = Knot(world, self.dns, self.zone("1"), DOMAIN)
        self.configure(row)
        world.start()

    def configure(self, row=""):
        self.world.configure('route = ( { for = "*", to = [ "mx" ] } )\nretry = ( { for = "*", schedule = "120s" } )\n'
                             f'tls = ( {{ for = "*", policy = "may", ca_file = "{self.certificates.ca}"{row} }} )\n',
                             nameservers=[f"127.0.0.1:{self.dns}"], smtp_port=self.port)

    def zone(self, number):
        return f"""$ORIGIN mailtest.example.
$TTL 1
@     SOA ns hostmaster {number} 3600 600 86400 1
      NS  ns
ns    A   127.0.0.1
d     MX  10 mx.d
mx.d  A   127.0.2.1
_mta-sts.d TXT "v=STSv1; id={number};"
mta-sts.d  A   {self.policy_ip}
"""

    def new_id(self, number):
        """Another record in the zone: the name server is started anew with it."""
        self.knot.stop()
        with open(self.world.path("knot/test.zone"), "w") as f:
            f.write(self.zone(number))
        self.knot.start()

    def send(self, text):
        self.world.sendmail("-f", "a@home.example", f"b@{DOMAIN}", text=f"Subject: {text}.\n\nx\n")
        return f"Subject: {text}."


def right(c):
    return c.make("right", f"DNS:{MX}")


def test_enforced(world):
    stage = Stage(world, hop_tls=right)
    stage.hop.await_one(stage.send("first"))
    equal(stage.server.asked, [POLICY_HOST, "/.well-known/mta-sts.txt"], "what the policy server was asked")
    world.await_log(rf"MTA-STS policy of d\.mailtest\.example: enforce, for 86400 s, mx: \*\.d\.mailtest\.example $")
    world.await_log(r"Verified TLS connection established to mx\.d\.mailtest\.example\[127\.0\.2\.1\]:\d+: "
                    r"TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256/256 bits\), MTA-STS$")
    world.await_empty()
    spool = sqlite3.connect(world.path("spool.db"))
    equal(spool.execute("SELECT tls FROM finished").fetchall(), [("TLSv1.3 TLS_AES_256_GCM_SHA384 verified by MTA-STS",)], "history")
    equal(spool.execute("SELECT domain, id, mode, mx FROM sts_policies").fetchall(),
          [(DOMAIN, "1", "enforce", f"*.{DOMAIN}")], "sts_policies")
    spool.close()


def test_survives_a_restart(world):
    """The policy server is gone, the host has no TLS any more: the policy that is known holds."""
    stage = Stage(world, hop_tls=right)
    stage.hop.await_one(stage.send("first"))
    world.await_empty()
    stage.server.close()
    world.restart()
    stage.hop.down()
    context, stage.hop.tls = stage.hop.tls, None
    stage.hop.up()
    subject = stage.send("second")
    world.await_log(r"dsn=4\.7\.4, status=deferred \(TLS is required, but was not offered by host mx\.d\.mailtest\.example"
                    r"\[127\.0\.2\.1\] \(the MTA-STS policy of d\.mailtest\.example asks for it\)\)")
    stage.hop.tls = context
    world.run("fermoposta", "flush")
    stage.hop.await_one(subject)
    equal(len(stage.server.asked), 2, "requests of the policy server")


def refused(world, make, why, text=ENFORCE):
    stage = Stage(world, hop_tls=make, text=text)
    subject = stage.send("x")
    world.await_log(rf"status=deferred \({why}")
    equal(stage.hop.taken, [], "what the host took")
    equal([line for _, line in stage.hop.commands if line.startswith("MAIL")], [], "what it heard")
    return stage, subject


def tls_failure(why):
    return (rf"TLS with mx\.d\.mailtest\.example\[127\.0\.2\.1\]:\d+ failed: {why} "
            r"\(the MTA-STS policy of d\.mailtest\.example asks for it\)\)")


def test_wrong_name(world):
    """The domain's own name does not do: the host's must be there."""
    refused(world, lambda c: c.make("other", f"DNS:{DOMAIN}"),
            tls_failure(r"hostname mismatch: the certificate is for d\.mailtest\.example"))


def test_expired(world):
    refused(world, lambda c: c.make("old", f"DNS:{MX}", days="-1"), tls_failure("certificate has expired"))


def test_self_signed_and_mended(world):
    stage, subject = refused(world, lambda c: c.self_signed("own"), tls_failure("self-signed certificate"))
    stage.hop.tls = server(right(stage.certificates))
    world.run("fermoposta", "flush")
    stage.hop.await_one(subject)


def test_host_that_is_not_named(world):
    stage, subject = refused(world, right, r"the MTA-STS policy of d\.mailtest\.example does not name host mx\.d\.mailtest\.example\)",
                             ENFORCE.replace(f"*.{DOMAIN}", "mx.other.example"))
    equal(stage.hop.connections, 0, "connections")
    stage.server.text = ENFORCE
    stage.new_id("2")
    # The record that is known holds for a second.
    await_(lambda: world.run("fermoposta", "flush") and stage.hop.find(subject), "the message, by the policy as it is now")


def test_testing(world):
    stage = Stage(world, hop_tls=lambda c: c.self_signed("own"), text=ENFORCE.replace("enforce", "testing"))
    stage.hop.await_one(stage.send("x"))
    world.await_log(r"MTA-STS policy of d\.mailtest\.example: testing")
    world.await_log("Untrusted TLS connection established")


def test_row_ignores_it(world):
    stage = Stage(world, hop_tls=lambda c: c.self_signed("own"), row=", mta_sts = true")
    subject = stage.send("x")
    world.await_log("status=deferred .TLS with")
    stage.configure(f' }}, {{ for = "{DOMAIN}", policy = "may", mta_sts = false')
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    world.run("fermoposta", "flush")
    stage.hop.await_one(subject)


def goes_without(world, why, **options):
    """The policy cannot be had, and the host has no TLS: mail goes all the same, and the log says why."""
    stage = Stage(world, **options)
    stage.hop.await_one(stage.send("x"))
    world.await_log(rf"the MTA-STS policy of d\.mailtest\.example cannot be fetched: .*{why}.*; mail goes on as without$")
    return stage


def test_policy_server_of_another_name(world):
    goes_without(world, "no alternative certificate subject name matches",
                 policy_pair=lambda c: c.make("policy", f"DNS:{DOMAIN}"))


def test_policy_server_expired(world):
    goes_without(world, "certificate has expired", policy_pair=lambda c: c.make("policy", f"DNS:{POLICY_HOST}", days="-1"))


def test_policy_server_untrusted(world):
    goes_without(world, "self-signed certificate", policy_pair=lambda c: c.self_signed("policy"))


def test_policy_server_not_there(world):
    goes_without(world, "Failed to connect|Could not connect|Couldn't connect", policy_ip="127.0.250.250")


def test_policy_missing(world):
    goes_without(world, "the server answers with status 404", answer=lambda h: PolicyServer.give(h, 404))


def test_policy_elsewhere(world):
    """A redirection is not followed (RFC 8461 3.3)."""
    stage = goes_without(world, "the server answers with status 301",
                         answer=lambda h: PolicyServer.give(h, 301, more=[("Location", "/elsewhere")]))
    equal(stage.server.asked, [POLICY_HOST, "/.well-known/mta-sts.txt"], "what it was asked")


def test_policy_of_another_kind(world):
    goes_without(world, "what the server has is no text/plain", answer=lambda h: PolicyServer.give(h, kind="text/html"))


def test_policy_too_long(world):
    goes_without(world, "the text is too long", text=ENFORCE + "x: y\r\n" * 20000)


def test_policy_that_makes_no_sense(world):
    goes_without(world, 'the policy\'s mode is "strict", which is not', text=ENFORCE.replace("enforce", "strict"))


def test_end_while_it_is_fetched(world):
    """The policy server never says anything: the daemon ends all the same, and keeps the message."""
    hanging = threading.Event()
    world.closers.append(hanging.set)
    stage = Stage(world, answer=lambda h: hanging.wait())
    stage.send("x")
    await_(lambda: len(stage.server.asked) == 2, "the question for the policy")
    equal(stage.hop.connections, 0, "connections while the policy is awaited")
    world.stop()
    world.start()
    equal(len(world.queue()), 1, "messages in the queue")


main(globals())
