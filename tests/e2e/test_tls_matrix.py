# SPDX-License-Identifier: BSD-2-Clause
"""Each policy of TLS with each kind of certificate: what is sent how, and what waits for which reason."""
import re
import sqlite3

from certificates import NAME, Certificates, server
from lib import Hop, await_, equal, main, match

SIGNED, MISMATCH, EXPIRED = "self-signed certificate", "hostname mismatch", "certificate has expired"
NO_ISSUER, NO_PIN = "unable to get local issuer certificate", "the host's key is none of the pins"
NO_OFFER, NO_TLS = "TLS is required, but was not offered by host", "the host does not speak TLS here"

# The log's words "Verified" and "Untrusted", or "clear": it is sent, so protected. Else: why it waits.
CERTIFICATES = ("right", "wrong name", "expired", "self-signed", "unknown", "wildcard", "none")
MATRIX = {
    "none": ("clear",) * 7,
    "may": ("Untrusted",) * 6 + ("clear",),
    "encrypt": ("Untrusted",) * 6 + (NO_OFFER,),
    "verify": ("Verified", MISMATCH, EXPIRED, SIGNED, NO_ISSUER, MISMATCH, NO_OFFER),
    "names": ("Verified", MISMATCH, EXPIRED, SIGNED, NO_ISSUER, "Verified", NO_OFFER),
    "pins": ("Verified",) + (NO_PIN,) * 5 + (NO_OFFER,),
    "dane": ("Untrusted",) * 6 + ("clear",),  # of an address the DNS says nothing: as "may"
    "smtps none": ("Untrusted",) * 6 + (NO_TLS,),
    "smtps may": ("Untrusted",) * 6 + (NO_TLS,),
    "smtps verify": ("Verified", MISMATCH, EXPIRED, SIGNED, NO_ISSUER, MISMATCH, NO_TLS),
    "smtps pins": ("Verified",) + (NO_PIN,) * 5 + (NO_TLS,),
}
IPS = {name: f"127.0.5.{i + 1}" for i, name in enumerate(MATRIX)}  # rows of `tls` are found by the relay


def make_certificates(world):
    ours, others = Certificates(world), Certificates(world, "others")
    right = f"DNS:{NAME}," + ",".join(f"IP:{ip}" for ip in IPS.values())
    pairs = {"right": ours.make("right", right), "wrong name": ours.make("wrong", "DNS:other.example"),
             "expired": ours.make("old", right, days="-1"), "self-signed": ours.self_signed("own"),
             "unknown": others.make("unknown", right), "wildcard": ours.make("wild", "DNS:*." + NAME.split(".", 1)[1])}
    return ours, {name: server(pair) for name, pair in pairs.items()}, ours.pin(pairs["right"][0])


def tls_row(name, ca, pin):
    policy = name.split()[-1]
    more = {"verify": f', ca_file = "{ca}"', "names": f', ca_file = "{ca}", names = [ "{NAME}" ]',
            "pins": f', pins = [ "{pin}" ]'}.get(policy, "")
    policy = "verify" if policy in ("names", "pins") else policy
    return f'{{ for = "{IPS[name]}", policy = "{policy}"{more} }}'


def check_sent(world, number, hop, want, what):
    hop.await_one(f"Subject: n{number}.", what)
    how = rf"{want} TLS connection established to {re.escape(hop.ip)}\[{re.escape(hop.ip)}\]:{hop.port}: TLSv1\.3 "
    equal(bool(re.search(how, world.log())), want != "clear", f"the line of the log on TLS: {what}")
    equal(hop.handshakes != [], want != "clear", f"handshakes: {what}")


def check_waits(world, number, hop, want, what):
    line = world.await_log(rf"to=<b@d{number}\.example>.*status=") and re.search(
        rf"to=<b@d{number}\.example>.*", world.log()).group(0)
    match(line, r"dsn=4\.7\.[45], status=deferred \((TLS with .* failed: )?" + re.escape(want), what)
    equal((hop.taken, [c for _, c in hop.commands if c.startswith("MAIL")]), ([], []), f"what the host got: {what}")


def test_policies_and_certificates(world):
    ours, contexts, pin = make_certificates(world)
    cells, routes = [], []
    for policy, wants in MATRIX.items():
        is_implicit = policy.startswith("smtps")
        for certificate, want in zip(CERTIFICATES, wants):
            context = contexts.get(certificate)
            hop = Hop(world, IPS[policy], tls=context, is_implicit=is_implicit and context is not None).up()
            routes.append(f'{{ for = "d{len(cells)}.example", to = [ "{hop.to("smtps" if is_implicit else "smtp")}" ] }}')
            cells.append((hop, want, f'policy "{policy}", certificate "{certificate}"'))
    world.configure('nameservers = [ "127.0.0.1" ]\nroute = (\n' + ",\n".join(routes) + ' )\n'
                    'retry = ( { for = "*", schedule = "600s" } )\n'
                    'tls = (\n' + ",\n".join(tls_row(name, ours.ca, pin) for name in MATRIX) + ' )\n')
    world.start()
    for i in range(len(cells)):
        world.sendmail("-f", "a@home.example", f"b@d{i}.example", text=f"Subject: n{i}.\n\nx\n")
    spool = sqlite3.connect(world.path("spool.db"))
    for i, (hop, want, what) in enumerate(cells):
        is_sent = want in ("Verified", "Untrusted", "clear")
        (check_sent if is_sent else check_waits)(world, i, hop, want, what)
        rows = await_(lambda: spool.execute("SELECT outcome, class, tls FROM history WHERE recipient = ?",
                                            (f"b@d{i}.example",)).fetchall(), f"history: {what}")
        tls = {"Verified": "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", "Untrusted": "TLSv1.3 TLS_AES_256_GCM_SHA384"}
        equal(rows, [("delivered", "none", tls.get(want, "")) if is_sent else ("deferred", "tls", "")], f"history: {what}")
    spool.close()


main(globals())
