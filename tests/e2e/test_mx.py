# SPDX-License-Identifier: BSD-2-Clause
"""Mail by MX: a real name server (knotd) with a small zone, next hops on addresses of 127/8."""
import json
import socket

from knot import Knot, ask
from lib import Hop, Skip, await_, equal, free_port, main, match

ZONE = """$ORIGIN mailtest.example.
$TTL 1
@         SOA ns hostmaster 1 3600 600 86400 1
          NS  ns
ns        A   127.0.0.1
one       MX  10 mx-a
two       MX  10 mx-b
two       MX  20 mx-a
equal     MX  10 mx-a
equal     MX  10 mx-c
equal     MX  10 mx-d
nullmx    MX  0 .
nullmx    A   127.0.2.1
implicit  A   127.0.2.1
six       MX  10 mx-six
nodata    TXT "nothing to deliver to"
nothost   MX  10 nowhere
self      MX  10 mail.example.org.
cname     CNAME one
several   MX  10 mx-several
mx-several A  127.0.2.2
mx-several A  127.0.2.1
mx-a      A   127.0.2.1
mx-b      A   127.0.2.2
mx-c      A   127.0.2.3
mx-d      A   127.0.2.4
mx-six    AAAA ::1
"""
LABEL = "a-long-label-to-fill-the-answer-beyond-what-fits-into-udp"


def zone():
    text = ZONE
    for n in range(60):
        text += f"big MX {n + 1} {LABEL}-{n:02}\n{LABEL}-{n:02} A 127.0.3.{n + 1}\n"
    return text


def stage(world, home, smtp_port, more=""):
    dns = free_port()
    world.configure(f'route = ( {{ for = "*", to = [ "mx" ] }}, {{ for = "home.example", to = [ "{home.to()}" ] }} )\n'
                    'retry = ( { for = "*", schedule = "120s" } )\n' + more,
                    nameservers=[f"127.0.0.1:{dns}"], smtp_port=smtp_port)
    knot = Knot(world, dns, zone(), "one.mailtest.example")
    world.start()
    return knot


def sent(world, domain, subject=None):
    subject = subject or domain
    world.sendmail("-f", "a@home.example", f"b@{domain}", text=f"Subject: {subject}.\n\nx\n")
    return f"Subject: {subject}."


def test_hosts_of_a_domain(world):
    port = free_port()
    home = Hop(world).up()
    a = Hop(world, "127.0.2.1", port).up()
    stage(world, home, port)
    for domain in ("one", "two", "implicit", "cname", "several"):  # what is better than mx-a is down
        m = a.await_one(sent(world, f"{domain}.mailtest.example"), f"(by {domain})")
        equal(m.rcpts, [f"b@{domain}.mailtest.example"], domain)
    b = Hop(world, "127.0.2.2", port).up()
    a.down()  # else the connection that is kept would be used
    a.up()
    b.await_one(sent(world, "two.mailtest.example", "again"), "(the better one)")
    world.await_log(r"relay=mx-a\.mailtest\.example\[127\.0\.2\.1\]:%d" % port)
    equal(len(home.taken), 0, "notices")
    world.await_empty()


def test_equal_hosts_share(world):
    port = free_port()
    home = Hop(world).up()
    hops = [Hop(world, f"127.0.2.{n}", port).up() for n in (1, 3, 4)]
    stage(world, home, port, 'limit = ( { for = "*", messages_per_connection = 1 } )')
    for n in range(30):
        sent(world, "equal.mailtest.example", f"n{n}")
    await_(lambda: sum(len(h.taken) for h in hops) == 30, "all")
    if min(len(h.taken) for h in hops) == 0:
        raise AssertionError(f"not shared: {[len(h.taken) for h in hops]}")


def test_six(world):
    port = free_port()
    try:
        hop = Hop(world, "::1", port).up()
    except OSError as why:
        raise Skip(f"no IPv6 here: {why}") from why
    stage(world, Hop(world).up(), port)
    hop.await_one(sent(world, "six.mailtest.example"))
    world.await_log(r"relay=mx-six\.mailtest\.example\[::1\]:")


def test_sixty_hosts(world):
    """More MX than a packet of UDP holds; the third is the first that is there."""
    port = free_port()
    hop = Hop(world, "127.0.3.3", port).up()
    knot = stage(world, Hop(world).up(), port)
    equal(ask(knot.port, "big.mailtest.example") & 0x0200, 0x0200, "truncated by UDP")
    hop.await_one(sent(world, "big.mailtest.example"))
    world.await_log(rf"relay={LABEL}-02\.mailtest")


def test_domains_that_take_no_mail(world):
    port = free_port()
    home = Hop(world).up()
    a = Hop(world, "127.0.2.1", port).up()
    stage(world, home, port)
    for domain, status in (("nullmx", "5.1.10"), ("nowhere", "5.1.2"), ("nodata", "5.1.2"), ("self", "5.4.6"),
                           ("nothost", r"5.[14].\d")):
        subject = sent(world, f"{domain}.mailtest.example")
        bounce = home.await_one(subject, f"(bounce for {domain})")
        match(bounce.data, rf"^Status: {status}\r?$", f"status for {domain}")
        match(bounce.data, rf"^Action: failed\r?$", f"action for {domain}")
        world.await_log(rf"to=<b@{domain}\.mailtest\.example>, relay=none, .*status=bounced")
    equal(len(a.taken), 0, "sent to what takes no mail")
    world.await_empty()


def test_own_address(world):
    """An MX host that is one of our listeners: it and what is not preferred to it are left out."""
    port = free_port()
    home = Hop(world).up()
    a = Hop(world, "127.0.2.1", port).up()
    stage(world, home, port, f'listen = ( {{ address = "127.0.2.2:{port}" }} )')
    subject = sent(world, "two.mailtest.example")
    match(home.await_one(subject, "(the bounce)").data, r"^Status: 5\.4\.6\r?$", "status")
    world.await_log(r"to=<b@two\.mailtest\.example>, relay=none, .*status=bounced \(mail for two\.mailtest\.example loops")
    a.await_one(sent(world, "one.mailtest.example"))
    world.await_empty()


def test_route(world):
    """`route` says beforehand what happens then; with the daemon and without."""
    port = free_port()
    stage(world, Hop(world).up(), port, 'listen = ( { address = "127.0.2.2:%d" } )' % port)
    for is_up in (True, False):
        def route(*words, code=0):
            return world.run("fermoposta", "route", *words, code=code).out

        out = route("b@one.mailtest.example", "b@nullmx.mailtest.example", code=69)
        match(out, rf"1  mx-a\.mailtest\.example\[127\.0\.2\.1\]:{port}  by smtp, TLS may", "the address")
        match(out, r"so: +it is given back to its sender: 5\.1\.10", "null MX")
        match(out, r"health: +open" if is_up else r"health: +not known while no daemon runs", "health")
        match(route("b@self.mailtest.example", code=69), r"10 mail\.example\.org  left out: that is this host", "itself")
        match(route("b@two.mailtest.example", code=69), r"5\.4\.6 mail for two\.mailtest\.example loops", "its address")
        match(route("b@cname.mailtest.example"), r"MX \(an alias of one\.mailtest\.example\)", "an alias")
        answer = json.loads(route("b@six.mailtest.example", "--json"))
        equal([t["where"] for t in answer["tries"]], [f"mx-six.mailtest.example[::1]:{port}"], "JSON")
        route("b@x.broken.example", code=75)
        route("b@[1.2]", code=65)
        if is_up:
            world.stop()
    equal(world.log().count("relay="), 0, "mail that was sent")


def test_name_server_in_trouble(world):
    """SERVFAIL, no server at all: nobody's mail is given back for it."""
    port = free_port()
    home = Hop(world).up()
    a = Hop(world, "127.0.2.1", port).up()
    knot = stage(world, home, port)
    sent(world, "x.broken.example")
    world.await_log(r"to=<b@x\.broken\.example>.*dsn=4\.4\.3, status=deferred")
    knot.stop()
    subject = sent(world, "one.mailtest.example")
    world.await_log(r"to=<b@one\.mailtest\.example>.*dsn=4\.4\.3, status=deferred")
    equal(len(world.queue("state=deferred")), 1, "deferred: that domain's own trouble")
    equal(len(world.queue("state=queued")), 1, "not tried yet: nobody could be asked")
    match(world.run("fermoposta", "list", "to=b@one.mailtest.example").out, "blocked here: no name server answers", "why")
    knot.start()
    world.run("fermoposta", "flush")
    a.await_one(subject)
    equal(len(home.taken), 0, "notices")


def test_second_name_server(world):
    """The first never answers."""
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port, dns = free_port(), free_port()
        a = Hop(world, "127.0.2.1", port).up()
        world.configure(nameservers=[f"127.0.0.1:{silent.getsockname()[1]}", f"127.0.0.1:{dns}"], smtp_port=port)
        Knot(world, dns, zone(), "one.mailtest.example")
        world.start()
        a.await_one(sent(world, "one.mailtest.example"))
        equal(world.log().count("status=deferred"), 0, "deferred")


main(globals())
