# SPDX-License-Identifier: BSD-2-Clause
"""DANE: a signed zone (knotd), a resolver that validates it (unbound), hosts with keys that the zone names or does not."""
import hashlib
import signal
import sqlite3
import ssl
import subprocess

from certificates import Certificates
from knot import Knot
from lib import Hop, await_, equal, free_port, main, match, peer
from unbound import Unbound

ZONE = """$ORIGIN mailtest.example.
$TTL 1
@         SOA ns hostmaster 1 3600 600 86400 1
          NS  ns
ns        A   127.0.0.1
"""


def server(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def bare(cert, kind="-pubkey"):
    """The key ("-pubkey") of a certificate, or the whole of it."""
    openssl = peer("openssl")
    if kind == "-pubkey":
        pem = subprocess.run([openssl, "x509", "-in", cert, "-noout", "-pubkey"], capture_output=True, check=True).stdout
        der = subprocess.run([openssl, "pkey", "-pubin", "-outform", "der"], input=pem, capture_output=True, check=True).stdout
    else:
        der = subprocess.run([openssl, "x509", "-in", cert, "-outform", "der"], capture_output=True, check=True).stdout
    return der


def digest(cert, kind="-pubkey"):
    return hashlib.sha256(bare(cert, kind)).hexdigest()


class Stage:
    """Hosts on 127.0.4.N:port; domain NAME has one, mx-NAME."""

    def __init__(self, world):
        self.world, self.port, self.n, self.zone = world, free_port(), 0, ZONE
        self.home = Hop(world).up()

    def host(self, name, tlsa=(), tls=None, alias=False):
        """tlsa: texts of records."""
        self.n += 1
        ip = f"127.0.4.{self.n}"
        self.zone += f"{name} MX 10 mx-{name}\n"
        self.zone += f"mx-{name} CNAME real-{name}\nreal-{name} A {ip}\n" if alias else f"mx-{name} A {ip}\n"
        for text in tlsa:
            self.zone += f"_{self.port}._tcp.{'real' if alias else 'mx'}-{name} TLSA {text}\n"
        return Hop(self.world, ip, self.port, tls=tls).up()

    def start(self, policy="dane", refused=(), more=""):
        dns = free_port()
        knot = Knot(self.world, free_port(), self.zone + "probe MX 10 ns\n", "probe.mailtest.example", is_signed=True)
        Unbound(self.world, dns, knot, refused)
        self.world.configure(
            f'route = ( {{ for = "*", to = [ "mx" ] }}, {{ for = "home.example", to = [ "{self.home.to()}" ] }} )\n'
            f'tls = ( {{ for = "*", policy = "{policy}" }} )\n' + more,
            nameservers=[f"127.0.0.1:{dns}"], smtp_port=self.port)
        self.world.start()

    def send(self, name):
        self.world.sendmail("-f", "a@home.example", f"b@{name}.mailtest.example", text=f"Subject: {name}.\n\nx\n")
        return f"Subject: {name}."


def test_right_records(world):
    stage = Stage(world)
    certificates = Certificates(world)
    own = certificates.self_signed("own")  # for another name, by nobody: usage 3 looks at neither
    ta = certificates.make("ta", "DNS:mx-ta.mailtest.example")
    by_domain = certificates.make("bydomain", "DNS:domain.mailtest.example")
    old = certificates.make("old", "DNS:elsewhere.example", days="-1")
    for pair in (ta, by_domain):  # usage 2: the authority's certificate must come along (RFC 7672 3.1.2)
        with open(pair[0], "ab") as f, open(certificates.ca, "rb") as ca:
            f.write(ca.read())
    authority = digest(certificates.ca, "whole")
    hops = {
        "key": stage.host("key", ["3 1 1 " + digest(own[0])], server(own)),
        "cert": stage.host("cert", ["3 0 1 " + digest(own[0], "whole"), "3 1 1 " + 64 * "0"], server(own)),
        "sha512": stage.host("sha512", ["3 1 2 " + hashlib.sha512(bare(own[0])).hexdigest()], server(own)),
        "full": stage.host("full", ["3 1 0 " + bare(own[0]).hex()], server(own)),
        "old": stage.host("old", ["3 1 1 " + digest(old[0])], server(old)),  # RFC 7672 3.1.1: dates are nothing
        "ta": stage.host("ta", ["2 0 1 " + authority], server(ta)),
        "domain": stage.host("domain", ["2 0 1 " + authority], server(by_domain)),
        "alias": stage.host("alias", ["3 1 1 " + digest(own[0])], server(own), alias=True),
    }
    stage.start()
    for name, hop in hops.items():
        hop.await_one(stage.send(name), name)
        host = f"mx-{name}"
        world.await_log(rf"Verified TLS connection established to {host}\.mailtest\.example\[127\.0\.4\.\d+\]:{stage.port}: "
                        r"TLSv1\.3 with cipher \S+ \(256/256 bits\), DANE")
    equal(len(stage.home.taken), 0, "notices")
    world.await_empty()
    spool = sqlite3.connect(world.path("spool.db"))
    equal(set(spool.execute("SELECT tls FROM finished")), {("TLSv1.3 TLS_AES_256_GCM_SHA384 verified by DANE",)}, "history")
    spool.close()


def test_sessions_go_on(world):
    """One that was verified by records is resumed as such."""
    stage = Stage(world)
    own = Certificates(world).self_signed("own")
    hop = stage.host("key", ["3 1 1 " + digest(own[0])], server(own))
    stage.start(more='limit = ( { for = "*", messages_per_connection = 1 } )\n')
    for n in (1, 2):
        stage.send("key")
        await_(lambda n=n: len(hop.taken) == n, f"message {n}")
    equal(hop.handshakes, ["TLSv1.3", "resumed"], "handshakes")
    world.await_log(r"Verified TLS connection .*, DANE, resumed$")


def test_wrong_records(world):
    stage = Stage(world)
    certificates = Certificates(world)
    own, other = certificates.self_signed("own"), certificates.self_signed("other")
    ta = certificates.make("ta", "DNS:elsewhere.example")
    with open(ta[0], "ab") as f, open(certificates.ca, "rb") as ca:
        f.write(ca.read())
    wrong = stage.host("wrong", ["3 1 1 " + digest(other[0])], server(own))
    names = stage.host("names", ["2 0 1 " + digest(certificates.ca, "whole")], server(ta))
    clear = stage.host("clear", ["3 1 1 " + digest(own[0])])
    stage.start()
    for name in ("wrong", "names", "clear"):
        stage.send(name)
    world.await_log(r"to=<b@wrong\.mailtest\.example>.*dsn=4\.7\.5, status=deferred \(TLS with mx-wrong.*failed: .*DANE")
    world.await_log(r"to=<b@names\.mailtest\.example>.*dsn=4\.7\.5, status=deferred \(.*hostname mismatch.*elsewhere\.example")
    world.await_log(r"to=<b@clear\.mailtest\.example>.*dsn=4\.7\.4, status=deferred \(TLS is required, but was not offered")
    equal([len(hop.taken) for hop in (wrong, names, clear, stage.home)], [0, 0, 0, 0], "what anybody took")


def test_nothing_that_can_be_used(world):
    """Records of usages that are none for mail: TLS, with whoever it is. None at all: as "may"."""
    stage = Stage(world)
    own = Certificates(world).self_signed("own")
    pkix = stage.host("pkix", ["1 0 1 " + 64 * "0"], server(own))
    pkix_clear = stage.host("pkixclear", ["1 0 1 " + 64 * "0"])
    none = stage.host("none", [], server(own))
    none_clear = stage.host("noneclear")
    stage.start()
    for name, hop in (("pkix", pkix), ("none", none), ("noneclear", none_clear)):
        hop.await_one(stage.send(name), name)
    equal([len(pkix.handshakes), len(none.handshakes)], [1, 1], "handshakes")
    world.await_log(r"Untrusted TLS connection established to mx-pkix\.")
    world.await_log(r"Untrusted TLS connection established to mx-none\.")
    stage.send("pkixclear")
    world.await_log(r"to=<b@pkixclear\.mailtest\.example>.*dsn=4\.7\.4, status=deferred \(TLS is required")
    equal(pkix_clear.taken, [], "in clear")


def test_route_tells(world):
    """The same questions, and what they come to; with the daemon and without."""
    stage = Stage(world)
    key = 32 * "ab"
    stage.host("key", ["3 1 1 " + key, "1 0 1 " + 64 * "0"])
    stage.host("pkix", ["1 0 1 " + 64 * "0"])
    stage.host("none")
    stage.start()
    for _ in range(2):
        out = world.run("fermoposta", "route", "b@key.mailtest.example").out
        match(out, rf"^ +_{stage.port}\._tcp\.mx-key\.mailtest\.example TLSA, .*secure$", "the question")
        match(out, rf"^ +3 1 1 {key}$", "the record")
        match(out, r"^ +1 0 1 0+  left out: of no use for mail \(RFC 7672\)$", "the other")
        match(out, r'\[127\.0\.4\.1\]:\d+  by smtp, TLS dane \(tls "\*"; verified by TLSA records\)$', "the host")
        match(world.run("fermoposta", "route", "b@pkix.mailtest.example").out, r"TLSA records of no use: encrypted\)$")
        match(world.run("fermoposta", "route", "b@none.mailtest.example").out, r'no TLSA records: as "may"')
        if world.daemon:
            world.stop()


def test_dane_only(world):
    stage = Stage(world)
    own = Certificates(world).self_signed("own")
    right = stage.host("right", ["3 1 1 " + digest(own[0])], server(own))
    none = stage.host("none", [], server(own))
    pkix = stage.host("pkix", ["1 0 1 " + 64 * "0"], server(own))
    junk = stage.host("junk", ["3 1 0 " + 64 * "ab"], server(own))  # that it is no key is seen in the handshake
    stage.start("dane-only")
    right.await_one(stage.send("right"))
    for name in ("none", "pkix"):
        stage.send(name)
        world.await_log(rf"to=<b@{name}\.mailtest\.example>.*dsn=4\.7\.5, status=deferred \(DANE is required, but "
                        rf"mx-{name}\.mailtest\.example:\d+ has no TLSA records that can be used\)")
    stage.send("junk")
    world.await_log(r"to=<b@junk\.mailtest\.example>.*dsn=4\.7\.5, status=deferred")
    equal(none.taken + pkix.taken + junk.taken, [], "what they took")


def test_lookup_error(world):
    """Nobody can say whether there are records: the host is skipped (RFC 7672 2.1.2), another one is tried."""
    stage = Stage(world)
    own = Certificates(world).self_signed("own")
    first = stage.host("first", [], server(own))
    second = stage.host("second", ["3 1 1 " + digest(own[0])], server(own))
    stage.zone += "first MX 20 mx-second\n"
    stage.zone += "alone MX 10 mx-first\n"
    stage.start(refused=[f"_{stage.port}._tcp.mx-first.mailtest.example"])
    second.await_one(stage.send("first"))
    stage.send("alone")
    world.await_log(r"to=<b@alone\.mailtest\.example>, relay=none.*dsn=4\.7\.5, status=deferred "
                    r"\(TLSA lookup error for mx-first\.mailtest\.example:\d+")
    equal(first.connections, 0, "connections to the host that cannot be judged")


def test_resolver_that_is_not_trusted(world):
    """A name server that does not validate: TLSA records prove nothing, and `check` says so where it can."""
    stage = Stage(world)
    own, other = (Certificates(world).self_signed(n) for n in ("own", "other"))
    hop = stage.host("wrong", ["3 1 1 " + digest(other[0])], server(own))
    dns = free_port()
    Knot(world, dns, stage.zone, "wrong.mailtest.example")
    table = 'tls = ( { for = "*", policy = "dane" } )\n'
    world.configure(table, nameservers=[f"127.0.0.1:{dns}"], smtp_port=stage.port)
    world.start()
    hop.await_one(stage.send("wrong"))
    world.await_log(r"Untrusted TLS connection established to mx-wrong")
    equal(world.run("fermoposta", "check").err, "", "on this machine nothing can be said against it")
    world.configure(table, nameservers=["192.0.2.53"], smtp_port=stage.port)
    p = world.run("fermoposta", "check")
    match(p.out + p.err, r':\d+: warning: policy: "dane" needs a name server that validates \(DNSSEC\) and is trusted, and '
          r'there is none: it means "may"; run one on this machine, or write trust_ad = true', "check")
    world.configure("trust_ad = true\n" + table, nameservers=["192.0.2.53"], smtp_port=stage.port)
    p = world.run("fermoposta", "check")
    equal("warning" in p.out + p.err, False, p.out + p.err)


def test_name_servers_change(world):
    """SIGHUP takes other name servers, and forgets what the old ones said."""
    stage = Stage(world)
    own = Certificates(world).self_signed("own")
    hop = stage.host("key", ["3 1 1 " + digest(own[0])], server(own))
    stage.start()
    text = world.read("fermoposta.conf")
    with open(world.conf, "w") as f:
        f.write(text.replace("nameservers = [", 'nameservers = ["127.0.4.99", '))
    world.restart()
    with open(world.conf, "w") as f:
        f.write(text)
    world.daemon.send_signal(signal.SIGHUP)
    world.await_log("configuration read again")
    hop.await_one(stage.send("key"))
    world.await_log("Verified TLS connection")


main(globals())
