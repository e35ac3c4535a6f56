"""A crowd of one client, in a process of its own so that it does not slow the judge: python3 crowd.py HOST PORT COUNT KIND…

Each connection holds a seat for as long as it may, in its own way, and comes again when it is closed. Each second a line
says how many were opened so far and how many are held. Ends when its standard input does.
"""

import asyncio
import sys
import time

FIRST = {
    'keep-alive': b'GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n',
    'half-head': b'GET / HTTP/1.1\r\nHost: x\r\n',
    'half-body': b'POST /api/v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n',
    'unread': b'GET /verify.html HTTP/1.1\r\nHost: x\r\n\r\n' * 20,
    'silent': b'',
}
MORE = {'half-head': b'X: a\r\n', 'half-body': b'a'}
count = {'opened': 0, 'held': 0}


async def one(host, port, kind):
    while True:
        writer = None
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
            count['opened'] += 1
            count['held'] += 1
            writer.write(FIRST[kind])
            said = time.monotonic()
            while True:
                if kind == 'unread':
                    await asyncio.sleep(1)
                    if writer.transport.is_closing():
                        break
                    continue
                try:
                    answer = await asyncio.wait_for(reader.read(4096), 4)
                    if not answer or b' 503 ' in answer[:20] or b' 429 ' in answer[:20]:
                        break
                except asyncio.TimeoutError:
                    if kind == 'keep-alive' and time.monotonic() - said > 20:
                        writer.write(FIRST[kind])
                        said = time.monotonic()
                    writer.write(MORE.get(kind, b''))
        except (OSError, asyncio.TimeoutError):
            pass
        finally:
            if writer is not None:
                count['held'] -= 1
                writer.close()
        await asyncio.sleep(1)


async def main(host, port, number, kinds):
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    tasks = []
    for k in range(number):
        tasks.append(asyncio.create_task(one(host, port, kinds[k % len(kinds)])))
        if k % 200 == 199:
            await asyncio.sleep(0.02)
    while not ended.done():
        print(count['opened'], count['held'], flush=True)
        await asyncio.wait([ended], timeout=1)
    for task in tasks:
        task.cancel()


if __name__ == '__main__':
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
