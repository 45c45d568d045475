# SPDX-License-Identifier: BSD-2-Clause
"""Zones as people break them, signed (knotd) and behind a resolver that validates (unbound)."""
import re

from knot import Knot
from lib import Hop, equal, free_port, main, match
from unbound import Unbound

LONG = "a" * 63
ZONE = rf"""$ORIGIN mailtest.example.
$TTL 1
@          SOA ns hostmaster 1 3600 600 86400 1
           NS  ns
ns         A   127.0.0.1
probe      MX  10 mx-a
mx-a       A   127.0.5.1
mx-own     A   127.0.5.9
alias      CNAME mx-a
loop1      CNAME loop2
loop2      CNAME loop1
one        MX  10 mx-a
nodata     TXT "nothing to deliver to"
; what is delivered all the same
cname      MX  10 alias
mixedbad   MX  5  does-not-exist
mixedbad   MX  10 mx-a
mixedloop  MX  5  loop1
mixedloop  MX  10 mx-a
mixednull  MX  0  .
mixednull  MX  10 mx-a
mixedlocal MX  5  localhost.
mixedlocal MX  10 mx-a
cdomain    CNAME one
ttl0    0  MX  10 mx-a
prefmax    MX  65535 mx-a
longlabel  MX  10 {LONG}
{LONG}     A   127.0.5.1
dotted     MX  10 127.0.0.1.mailtest.example.
127.0.0.1  A   127.0.5.1
dual       MX  10 mx-dual
mx-dual    A   127.0.5.1
           AAAA ::1
*.wild     MX  10 mx-a
; what takes no mail
nullmx     MX  0  .
nullmx     A   127.0.5.1
nullpref   MX  10 .
cnull      CNAME nullmx
nohost     MX  10 does-not-exist
noaddress  MX  10 nodata
toloop     MX  10 loop1
ip         MX  10 127.0.5.1.
localhost  MX  10 localhost.
locallocal MX  10 localhost.localdomain.
self       MX  10 mail.example.org.
self       MX  20 mx-a
escaped    MX  10 bad\034name\059rm\032-rf
bad\034name\059rm\032-rf A 127.0.5.1
"""


class Stage:
    def __init__(self, world, anchor=None):
        self.world, self.port, dns = world, free_port(), free_port()
        self.home = Hop(world).up()
        self.hop = Hop(world, "127.0.5.1", self.port).up()
        self.loopback = Hop(world, "127.0.0.1", self.port).up()  # whom no name of a stranger may lead to
        self.knot = Knot(world, free_port(), ZONE, "probe.mailtest.example", is_signed=True)
        Unbound(world, dns, self.knot, anchor=anchor)
        world.configure(
            f'route = ( {{ for = "*", to = [ "mx" ] }}, {{ for = "home.example", to = [ "{self.home.to()}" ] }} )\n'
            'retry = ( { for = "*", schedule = "120s" } )\nbrake = { failures = 0 }\n',
            nameservers=[f"127.0.0.1:{dns}"], smtp_port=self.port)
        world.start()

    def send(self, domain):
        self.world.sendmail("-f", "a@home.example", f"b@{domain}", text=f"Subject: {domain}.\n\nx\n")
        return f"Subject: {domain}."


def test_delivered_all_the_same(world):
    stage = Stage(world)
    names = ["one", "cname", "mixedbad", "mixedloop", "mixednull", "mixedlocal", "cdomain", "ttl0", "prefmax", "longlabel",
             "dual", "dotted", "x.wild", "x.y.wild"]
    subjects = [stage.send(f"{name}.mailtest.example") for name in names]
    for subject in subjects:
        stage.hop.await_one(subject)
    world.await_empty()
    equal(len(stage.home.taken) + stage.loopback.connections, 0, "notices, and connections to ourselves")


def test_given_back(world):
    stage = Stage(world)
    wants = {"nullmx": "5.1.10", "cnull": "5.1.10", "nullpref": "5.1.10", "nx": "5.1.2", "nodata": "5.1.2",
             "nohost": "5.4.4", "noaddress": "5.4.4", "ip": "5.4.4", "localhost": "5.4.4", "locallocal": "5.4.4",
             "self": "5.4.6", "escaped": "5.4.4"}
    subjects = {name: stage.send(f"{name}.mailtest.example") for name in wants}
    for name, subject in subjects.items():
        notice = stage.home.await_one(subject, f"(notice for {name})")
        match(notice.data, rf"^Status: {re.escape(wants[name])}\r?$", f"status for {name}")
    world.await_empty()
    equal(len(stage.hop.taken) + stage.loopback.connections, 0, "sent to what takes no mail")
    if any(ord(c) < 32 and c != "\n" for c in world.log()):
        raise AssertionError("control characters in the log")


def test_nobody_can_tell(world):
    """Aliases in a circle, a zone that is forged: no answer, and so no end for the mail."""
    stage = Stage(world)
    stage.send("toloop.mailtest.example")
    world.await_log(r"to=<b@toloop\.mailtest\.example>, relay=none.*dsn=4\.4\.3, status=deferred")
    equal(len(stage.home.taken), 0, "notices")


def test_forged(world):
    stage = Stage(world, anchor="mailtest.example. 3600 IN DS 1 13 2 " + 64 * "A" + "\n")
    stage.send("one.mailtest.example")
    stage.send("nx.mailtest.example")
    for name in ("one", "nx"):
        world.await_log(rf"to=<b@{name}\.mailtest\.example>, relay=none.*dsn=4\.4\.3, status=deferred")
    equal(len(stage.hop.taken) + len(stage.home.taken), 0, "deliveries and notices")


main(globals())
