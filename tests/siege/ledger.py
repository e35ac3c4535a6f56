"""The release binary as processes: a ledger, its witnesses, those who post; and what must hold of them after any attack.

The binary is $MINGZHANG, or target/release/mingzhang. Everything is written below one temporary folder and served on 127.0.0.1.
Each wait is for a state and has a limit. Only processes that were started here are ended, each by its id, at the latest on leaving.
"""

import asyncio
import atexit
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import speed
from judge import LogKey, Seen, Signer, entries_of, judge, statement_id, trade_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get('MINGZHANG') or ROOT / 'target/release/mingzhang')
ORIGIN = 'ledger.example/siege'
ENVIRONMENT = dict({k: v for k, v in os.environ.items() if not k.startswith('MINGZHANG')}, LANG='en_US.UTF-8', LC_ALL='C.UTF-8')

REST_MIB_MAX = 64  # What strangers may cost in memory, and what may be left of it afterwards: docs/threat-model.md.
RESUME_S_MAX = 20
COSIGN_S_MAX = 45  # A witness that has failed is asked again within 30 s (src/ledger/cosign/gather.rs).

_started = []
scratch = pathlib.Path(tempfile.mkdtemp(prefix='mingzhang-siege-'))


@atexit.register
def _tidy():
    for process in _started:
        end(process)
    for disk in reversed([line.split()[1] for line in open('/proc/mounts') if line.split()[1].startswith(str(scratch))]):
        subprocess.run(['umount', '-l', disk], stderr=subprocess.DEVNULL)
    shutil.rmtree(scratch, ignore_errors=True)


def end(process):
    if process.poll() is None:
        process.kill()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass


def wait_for(state, seconds, pause=0.05):
    """Whether `state()` came true within the limit; an answer that cannot be had is not yet that state."""
    limit = time.monotonic() + seconds
    while True:
        try:
            if state():
                return True
        except (OSError, http.client.HTTPException, ValueError, LookupError):
            pass
        if time.monotonic() > limit:
            return False
        time.sleep(pause)


def run(*arguments, timeout=300, environment=None):
    """(exit code, what it said) of a command that ends."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)], env=dict(ENVIRONMENT, **(environment or {})), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', timeout=timeout,
    )  # fmt: skip
    return done.returncode, done.stdout.strip()


def start(command, **streams):
    process = subprocess.Popen([str(part) for part in command], **{'stdin': subprocess.DEVNULL, **streams})
    _started.append(process)
    return process


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def is_shown_in(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


class Server:
    """One process that serves a folder."""

    def __init__(self, data, keys, err_file, arguments=(), prefix=(), environment=None, stderr=None, wait=60):
        self.err_file = err_file
        opened = open(err_file, 'ab') if stderr is None else stderr
        self.process = start(
            [*prefix, BINARY, 'serve', '--data', data, '--keys', keys, '--listen', '127.0.0.1:0', '--json', *arguments],
            stdout=subprocess.PIPE, stderr=opened, env=dict(ENVIRONMENT, **(environment or {})),
        )  # fmt: skip
        if stderr is None:
            opened.close()
        self.url, self.said, told = None, '', threading.Event()

        def read():
            line = self.process.stdout.readline()
            self.said = line.decode(errors='replace').strip()
            try:
                self.url = json.loads(line)['url']
            except (ValueError, KeyError):
                pass
            told.set()
            while self.process.stdout.read(4096):
                pass

        threading.Thread(target=read, daemon=True).start()
        told.wait(wait)
        if self.url:
            self.host, port = self.url.removeprefix('http://').split(':')
            self.port = int(port)

    def err(self, length=300):
        """The end of what it said: standard error, and the first line of standard output if that is no address."""
        try:
            text = self.err_file.read_text(errors='replace')[-length:].replace('\n', ' | ')
        except OSError:
            text = ''
        return text if self.url else (text + ' ' + self.said)[-length:]

    def pid(self):
        """The id of the binary itself, also under a prefix such as strace."""
        pids = [self.process.pid]
        for pid in pids:
            try:
                for task in os.listdir('/proc/%d/task' % pid):
                    pids += [int(child) for child in open('/proc/%d/task/%s/children' % (pid, task)).read().split()]
            except (FileNotFoundError, ProcessLookupError):
                pass
        for pid in reversed(pids):
            try:
                if os.readlink('/proc/%d/exe' % pid).startswith(os.path.realpath(BINARY)):
                    return pid
            except OSError:
                pass
        return self.process.pid

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        try:
            os.kill(self.pid(), number)
        except ProcessLookupError:
            pass

    def kill(self):
        self.signal(signal.SIGKILL)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            end(self.process)

    def refused(self):
        """The exit code of a process that did not come up."""
        wait_for(lambda: not self.is_alive(), 10)
        code = self.process.poll()
        self.kill()
        return code

    def stop(self, seconds=40):
        """The exit code after SIGTERM; None if it had to be killed."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def memory_mib(self):
        """What it holds of its own; pages of mapped files, which the kernel takes back when it likes, are not counted."""
        try:
            for line in open('/proc/%d/status' % self.pid()):
                if line.startswith('RssAnon'):
                    return int(line.split()[1]) // 1024
        except OSError:
            pass
        return 0

    def ask(self, path, method='GET', body=None, headers=None, timeout=20, source=None):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout, source_address=source and (source, 0))
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path):
        return json.loads(self.ask(path)[2])

    def post(self, note, timeout=20):
        return self.ask('/api/v1/statements', 'POST', note.encode(), {'content-type': 'text/plain'}, timeout)


class World:
    """One ledger: folder, keys, witnesses, the process that serves, and all that it has told."""

    projects = 0

    def __init__(self, folder, witnesses=0, arguments=(), data=None):
        self.folder, self.data, self.keys = folder, data or folder / 'data', folder / 'keys'
        folder.mkdir(parents=True, exist_ok=True)
        code, said = run('init', '--data', self.data, '--keys', self.keys, '--origin', ORIGIN)
        if code:
            raise RuntimeError('init ended with %d: %s' % (code, said))
        self.signer = Signer(self.keys / 'centre.key')
        self.log_key = LogKey((self.keys / 'log.vkey').read_text())
        self.seen = Seen(self.log_key)
        self.policy, self.arguments, self.witnesses, self.server = self.data / 'policy', list(arguments), [], None
        if witnesses:
            self.start_witnesses(witnesses)
            self.arguments += ['--policy', self.policy]

    def start_witnesses(self, count, quorum=2):
        ports, lines = [free_port() for _ in range(count)], ''
        own = self.folder / 'policy'
        text = self.policy.read_text()
        for number, port in enumerate(ports):
            folder = self.folder / ('witness-%d' % number)
            self.witnesses.append(start(
                [BINARY, 'witness', 'serve', '--data', folder, '--name', 'w%d.example' % number, '--policy', self.policy, '--listen', '127.0.0.1:%d' % port],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
            ))  # fmt: skip
        for number, port in enumerate(ports):
            vkey = self.folder / ('witness-%d' % number) / 'witness.vkey'
            if not wait_for(lambda: vkey.read_text().strip() and is_shown_in('127.0.0.1', port), 20):
                raise RuntimeError('witness %d does not come up' % number)
            lines += 'witness w%d %s http://127.0.0.1:%d\n' % (number, vkey.read_text().strip(), port)
        names = ' '.join('w%d' % number for number in range(count))
        own.write_text(text.replace('quorum none\n', '%sgroup g %d %s\nquorum g\n' % (lines, quorum, names)))
        self.policy = own

    def serve(self, **how):
        """Starts it; the first start also says what memory at rest is."""
        extra = how.pop('arguments', ())
        self.server = Server(self.data, self.keys, self.folder / 'stderr', [*self.arguments, *extra], **how)
        return self.server

    def begin(self, posts=8):
        """Serves, posts a little and asks a little, so that what is allocated once is allocated; then memory is at rest."""
        if not self.serve().url:
            raise RuntimeError('serve does not come up: ' + self.server.err())
        self.post(posts)
        for path in ('/', '/api/v1/search?limit=10', '/search?q=%E9%81%93%E8%B7%AF', '/checkpoint'):
            self.server.ask(path)
        self.rest_mib = self.server.memory_mib()
        return self

    def text(self, project=None, **what):
        if project is None:
            World.projects += 1
            project = 'S-%d' % World.projects
        return trade_text(self.signer.name, project, ORIGIN, **what)

    def post_one(self, timeout=20, **what):
        """(status, body); what is acknowledged is kept."""
        text = self.text(**what)
        status, _, body = self.server.post(self.signer.note(text), timeout)
        if status in (200, 201):
            self.seen.receipt(statement_id(text), body)
        return status, body

    def post(self, count):
        """How many of so many single posts were acknowledged."""
        return sum(self.post_one()[0] in (200, 201) for _ in range(count))

    def post_many(self, count, of=1000):
        """Records by the batch route, so that the ledger has something to be asked for."""
        for first in range(0, count, of):
            texts = [self.text(title='示例第 %d 号道路工程招标公告 %s' % (k, '道路' * 20)) for k in range(first, min(count, first + of))]
            body = '\n'.join(json.dumps({'note': self.signer.note(text)}, ensure_ascii=False) for text in texts)
            status, _, said = self.server.ask('/api/v1/statements/batch', 'POST', body.encode(), timeout=120)
            if status != 200:
                raise RuntimeError('a batch is answered %d: %s' % (status, said[:200]))
        if not wait_for(self.is_indexed, 120):
            raise RuntimeError('the search does not reach the head')

    def is_indexed(self):
        search, index = self.server.json('/api/v1/search?limit=1'), self.server.json('/readyz')
        return all(told['indexed_size'] == told['tree_size'] for told in (search, index))

    def size(self):
        return int(self.server.ask('/checkpoint')[2].split(b'\n')[1])

    def is_cosigned(self):
        told = self.server.json('/api/v1/witnesses')
        return told['met_size'] == told['head_size']

    # What must hold after any attack: each gives (it holds, figure).

    def posts_go_on(self, limit=None):
        began, done, limit = time.monotonic(), [], limit or speed.patience(RESUME_S_MAX)

        def try_one():
            status, body = self.post_one(timeout=min(10, limit))
            done.append(status in (200, 201))
            self.refusal = '' if done[-1] else '%d %s' % (status, body[:160].decode(errors='replace'))
            return sum(done) >= 5

        self.refusal = ''
        goes = wait_for(try_one, limit, 0.1)
        return goes, '5 posts in %.1f s' % (time.monotonic() - began) if goes else '%d posts in %d s %s' % (sum(done), limit, self.refusal)

    def ready(self):
        status, _, body = self.server.ask('/readyz')
        return status == 200, '%d %s' % (status, body[:80].decode(errors='replace').strip())

    def cosigning_goes_on(self, limit=None):
        began, limit = time.monotonic(), limit or speed.patience(COSIGN_S_MAX)
        for _ in range(2):
            self.post_one()
            if not wait_for(self.is_cosigned, limit, 0.2):
                told = self.server.json('/api/v1/witnesses')
                return False, '%s of %s records cosigned after %d s' % (told['met_size'], told['head_size'], limit)
        return True, 'twice in %.1f s' % (time.monotonic() - began)

    def memory_is_back(self, rest_mib=None, limit=None):
        rest = self.rest_mib if rest_mib is None else rest_mib
        back = wait_for(lambda: self.server.memory_mib() - rest <= REST_MIB_MAX, limit or speed.patience(10), 0.2)
        return back, '%d MiB, at rest %d' % (self.server.memory_mib(), rest)

    def log_holds(self):
        """Only while nobody serves the folder."""
        faults, size = judge(self.data, self.seen)
        return not faults, '; '.join(faults[:3]) or '%d records, %d acknowledged, %d signed roots' % (size, len(self.seen.acknowledged), len(self.seen.roots))

    def audit(self):
        code, said = run('audit', self.data, '--policy', self.policy)
        return code == 0, 'exit %d %s' % (code, '' if code == 0 else said[-200:].replace('\n', ' | '))

    def entries(self):
        return entries_of(self.data / 'log')


class Posters:
    """Connections that post one new statement after another until stopped, from a thread of its own."""

    def __init__(self, world, connections, again=()):
        self.world, self.server, self.connections = world, world.server, connections
        self.acknowledged, self.unclear, self.refused, self.strange, self.latency = [], [], {}, [], []
        self.again, self.going = list(again), True
        self.thread = threading.Thread(target=lambda: asyncio.run(self.all()), daemon=True)
        self.thread.start()

    async def all(self):
        await asyncio.gather(*(self.one() for _ in range(self.connections)))

    async def one(self):
        reader = writer = None
        while self.going:
            text = self.again.pop() if self.again else self.world.text()
            note = self.world.signer.note(text).encode()
            try:
                if writer is None:
                    reader, writer = await asyncio.wait_for(asyncio.open_connection(self.server.host, self.server.port), 5)
            except (OSError, asyncio.TimeoutError):
                if not self.server.is_alive():
                    return
                await asyncio.sleep(0.02)
                continue
            try:
                began = time.monotonic()
                writer.write(b'POST /api/v1/statements HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s' % (self.server.host.encode(), self.server.port, len(note), note))
                head = await asyncio.wait_for(reader.readuntil(b'\r\n\r\n'), 30)
                status, headers = int(head[9:12]), head.lower()
                length = int(headers.split(b'content-length:', 1)[1].split(b'\r\n', 1)[0])
                body = await asyncio.wait_for(reader.readexactly(length), 30)
                if b'connection: close' in headers:
                    writer.close()
                    writer = None
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, IndexError, ValueError):
                # No whole answer is no acknowledgement; whether it was logged nobody said.
                self.unclear.append(text)
                if writer is not None:
                    writer.close()
                    writer = None
                if not self.server.is_alive():
                    return
                continue
            if status in (200, 201):
                self.acknowledged.append((text, body))
                self.latency.append(time.monotonic() - began)
            elif status in (503, 507):
                self.refused[status] = self.refused.get(status, 0) + 1
                self.unclear.append(text)
                await asyncio.sleep(0.02)
            else:
                self.strange.append('%d %s' % (status, body[:200].decode(errors='replace')))
                await asyncio.sleep(0.02)

    def stop(self):
        self.going = False
        self.thread.join(60)
        for text, body in self.acknowledged:
            self.world.seen.receipt(statement_id(text), body)
        return self


def quantile(seconds, part):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float('inf')
