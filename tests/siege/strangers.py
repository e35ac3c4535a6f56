"""Clients that nobody asked for: what they may cost in memory, seats and time, and that others are served meanwhile."""

import hashlib
import http.client
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import speed
from ledger import REST_MIB_MAX, Posters, end, quantile, start, wait_for
from table import row

OTHER_CLIENT = '127.0.0.2'  # Honest clients come from another address than the crowd, which is one client.


class Honest:
    """Asks for a small thing again and again while an attack goes on, and keeps how long it took."""

    def __init__(self, server, path='/checkpoint', source=OTHER_CLIENT, pause=0.05):
        self.server, self.path, self.source, self.pause = server, path, source, pause
        self.seconds, self.bad, self.peak_mib, self.going = [], {}, 0, True
        self.thread = threading.Thread(target=self.go, daemon=True)
        self.thread.start()

    def go(self):
        while self.going:
            began = time.monotonic()
            try:
                status = self.server.ask(self.path, timeout=10, source=self.source)[0]
            except (OSError, http.client.HTTPException) as error:
                status = type(error).__name__
            if status == 200:
                self.seconds.append(time.monotonic() - began)
            else:
                self.bad[status] = self.bad.get(status, 0) + 1
            self.peak_mib = max(self.peak_mib, self.server.memory_mib())
            time.sleep(self.pause)

    def stop(self):
        self.going = False
        self.thread.join(20)
        return self

    def served(self):
        total = len(self.seconds) + sum(self.bad.values())
        return len(self.seconds) / total if total else 0

    def figures(self):
        return '%d of %d served, p99 %.0f ms, %s' % (len(self.seconds), len(self.seconds) + sum(self.bad.values()), quantile(self.seconds, 0.99) * 1000, self.bad or 'none refused')


def connected(server, small_window=False):
    stream = socket.socket()
    if small_window:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(20)
    stream.connect((server.host, server.port))
    return stream


def close_all(streams):
    for stream in streams:
        stream.close()


@row('garbage batches', 'four, then twelve connections post 262 KB of garbage lines each and leave the answers unread: at most %d MiB above rest, others are served within 1 s' % REST_MIB_MAX)
def garbage_batches(bench):
    world = bench.world().begin()
    for count, line in ((4, b'x\n'), (12, b'{"note":"x"}\n')):
        body, open_, honest = line * (262_144 // len(line)), [], Honest(world.server)
        for _ in range(count):
            stream = connected(world.server, small_window=True)
            open_.append(stream)
            try:
                stream.sendall(b'POST /api/v1/statements/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
            except OSError:
                pass  # Cut off: as good as a refusal.
        settled = [0, 0]

        def is_settled():  # Memory has not grown for two seconds.
            now = world.server.memory_mib()
            settled[:] = [now, time.monotonic()] if now > settled[0] else settled
            return time.monotonic() - settled[1] > 2 or now > 4000

        wait_for(is_settled, 30, 0.2)
        honest.stop()
        close_all(open_)
        bench.demand('%d connections: memory' % count, honest.peak_mib - world.rest_mib <= REST_MIB_MAX, 'peak %d MiB, at rest %d' % (honest.peak_mib, world.rest_mib))
        bench.demand('%d connections: others are served' % count, honest.served() == 1, honest.figures())
        bench.demand('%d connections: and quickly' % count, *speed.within(quantile(honest.seconds, 1), 1, 'worst'))
        bench.demand('%d connections: memory is back' % count, *world.memory_is_back())


def crowd(bench, world, count, kinds, seconds):
    process = start([sys.executable, pathlib.Path(__file__).with_name('crowd.py'), world.server.host, world.server.port, count, *kinds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = [0, 0]

    def read():
        for line in process.stdout:
            told[:] = map(int, line.split())

    threading.Thread(target=read, daemon=True).start()
    wait_for(lambda: told[0] >= count * 0.9, 15)
    honest = Honest(world.server)
    time.sleep(seconds)  # The attack is its duration.
    honest.stop()
    opened, held = told
    process.stdin.close()
    end(process)
    name = '%d connections, %s' % (count, ' and '.join(kinds))
    bench.demand('%s: 99.9 %% of others are served' % name, honest.served() >= 0.999, '%s; %d held, %d opened' % (honest.figures(), held, opened))
    bench.demand('%s: and quickly' % name, *speed.within(quantile(honest.seconds, 0.99), 0.5, 'p99'))
    bench.demand('%s: memory' % name, honest.peak_mib - world.rest_mib <= 2 * REST_MIB_MAX, 'peak %d MiB, at rest %d' % (honest.peak_mib, world.rest_mib))


@row('hoarded seats', 'thousands of connections of one client that are kept alive, say half a head or half a body, say nothing, or do not read: 99.9 % of the requests of others are served, p99 within 0.5 s')
def hoarded_seats(bench):
    world = bench.world().begin()
    count, seconds = bench.many((5000, 6), (6000, 30), (10000, 60))
    crowd(bench, world, count, ['keep-alive'], seconds)
    crowd(bench, world, count, ['half-head', 'half-body', 'unread', 'silent'], seconds)


@row('dribbled uploads', '32 uploads that send 1.4 KB a second, and 8 downloads that nobody reads: the centre uploads its own document, and a reader gets a project file, within 30 s')
def dribbled_uploads(bench):
    world = bench.world().begin()
    server, small, large = world.server, os.urandom(1000), os.urandom(12_000_000)
    digest = lambda content: hashlib.sha256(content).hexdigest()
    named = lambda content: '{"name":"a.pdf","media_type":"application/pdf","size":%d,"sha256":"%s"}' % (len(content), digest(content))
    stranger = os.urandom(900)
    world.post_one(project='UP-1', documents='[%s,%s]' % (named(small), named(stranger)))
    world.post_one(project='UP-2', documents='[%s]' % named(large))
    wait_for(world.is_indexed, 20)
    bench.demand('a large document is stored', server.ask('/api/v1/documents/' + digest(large), 'PUT', large, timeout=60)[0] in (200, 201))
    open_ = []
    for _ in range(32):
        open_.append(connected(server))
        open_[-1].sendall(b'PUT /api/v1/documents/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\na' % digest(stranger).encode())
    going = [True]

    def dribble():
        while going[0]:
            for stream in open_:
                try:
                    stream.sendall(b'a' * 1400)
                except OSError:
                    pass
            time.sleep(1)

    thread = threading.Thread(target=dribble, daemon=True)
    thread.start()
    told = []

    def is_stored():
        told.append(server.ask('/api/v1/documents/' + digest(small), 'PUT', small, source=OTHER_CLIENT)[0])
        return told[-1] in (200, 201)

    began = time.monotonic()
    stored = wait_for(is_stored, speed.patience(30), 0.5)
    bench.demand('the centre uploads', stored, '%s after %.1f s' % (told[-1] if told else None, time.monotonic() - began))
    going[0] = False
    thread.join(5)
    close_all(open_)
    open_ = []
    for _ in range(8):
        open_.append(connected(server, small_window=True))
        open_[-1].sendall(b'GET /project-files/%s/UP-2 HTTP/1.1\r\nHost: x\r\n\r\n' % world.signer.name.encode())
    began, told = time.monotonic(), []

    def is_read():
        told.append(server.ask('/project-files/%s/UP-1' % world.signer.name, source=OTHER_CLIENT)[0])
        return told[-1] == 200

    read = wait_for(is_read, speed.patience(30), 0.5)
    bench.demand('a reader gets his file', read, '%s after %.1f s' % (told[-1] if told else None, time.monotonic() - began))
    close_all(open_)


@row('expensive reads', 'readers that ask for CSV of 1,000 records, for pages of records and for the search page, without end: posting keeps half of its quiet rate, /checkpoint stays within 5 times its quiet p99 and 100 ms')
def expensive_reads(bench):
    world = bench.world().begin(posts=2)
    world.post_many(bench.many(2000, 3000, 10000))
    world.rest_mib = world.server.memory_mib()  # With these records in its caches.
    seconds = bench.many(4, 8, 20)
    quiet, quiet_get = beside(world, seconds)
    beside_readers = []
    mixes = [(24, ['/api/v1/search?format=csv&limit=1000']), (64, ['/api/v1/search?format=csv&limit=1000', '/api/v1/records?limit=256', '/search?q=%E9%81%93%E8%B7%AF', '/api/v1/findings', '/'])]
    for count, paths in mixes:
        stop, answered, statuses = [False], [0], {}

        def read(path):
            connection = None
            while not stop[0]:
                try:
                    connection = connection or http.client.HTTPConnection(world.server.host, world.server.port, timeout=30)
                    connection.request('GET', path)
                    answer = connection.getresponse()
                    answer.read()
                    answered[0] += 1
                    statuses[answer.status] = statuses.get(answer.status, 0) + 1
                    if answer.status == 503:
                        time.sleep(0.2)  # Ruder than Retry-After, and yet no busy loop of this one process.
                except (OSError, http.client.HTTPException):
                    connection = None
                    time.sleep(0.05)

        threads = [threading.Thread(target=read, args=(paths[k % len(paths)],), daemon=True) for k in range(count)]
        for thread in threads:
            thread.start()
        wait_for(lambda: answered[0] >= count / 4, 5)
        rate, get = beside(world, seconds)
        stop[0] = True
        for thread in threads:
            thread.join(40)
        beside_readers.append(('%d readers of %d routes' % (count, len(paths)), rate, get, statuses))
        wait_for(world.is_indexed, 60)
    # Other programs come and go on this machine: the quiet rate is the lower one of before and after.
    again, get_again = beside(world, seconds)
    quiet, quiet_get = min(quiet, again), max(quiet_get, get_again)
    bench.demand('alone', quiet > 0, '%.0f posts/s, /checkpoint p99 %.0f ms' % (quiet, quiet_get * 1000))
    for name, rate, get, statuses in beside_readers:
        bench.demand('%s: posting keeps half of its rate' % name, *speed.at_least(rate, quiet / 2, 'posts beside %s' % statuses))
        bench.demand('%s: /checkpoint stays quick' % name, *speed.within(get, 5 * quiet_get + 0.1, 'p99'))


def beside(world, seconds):
    """(posts a second, p99 of /checkpoint) of honest clients, whatever goes on beside them."""
    posters, honest = Posters(world, 2), Honest(world.server, pause=0.02)
    time.sleep(seconds)  # A rate needs a while.
    rate = len(posters.acknowledged) / seconds
    honest.stop()
    posters.stop()
    return rate, quantile(honest.seconds, 0.99)
