# ruff: noqa: E501 (an attempt and its twin are best read side by side)
"""What a program may want to do outside of itself, which wall stands before it, and something like it that is allowed."""

from __future__ import annotations

from dataclasses import dataclass

FILES, NETWORK = frozenset({"own files", "landlock"}), frozenset({"no network", "seccomp"})
OTHERS, CALLS = frozenset({"own process namespace", "seccomp"}), frozenset({"seccomp"})
ALWAYS = frozenset({"limits"})

PRELUDE = """
import ctypes, errno, os, resource, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
LIBRARY = os.path.dirname(os.__file__)
def call(name, *given):
    if getattr(libc, name)(*given) == -1: raise OSError(ctypes.get_errno(), name)
def system_call(x86, arm, *given):
    if libc.syscall(x86 if os.uname().machine == "x86_64" else arm, *given) == -1: raise OSError(ctypes.get_errno(), "call")
def read(path): return open(path, "rb").read(10) or 1 / 0
def connect(kind, form, address):
    with socket.socket(kind, form) as client:
        client.settimeout(0.3)
        client.connect(address)
def child():
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
"""


@dataclass(frozen=True)
class Attempt:
    """A Python expression, or statement, that is to fail where one of the walls is in force.

    Attributes:
        twin: one of the kind that is allowed, in every mode or behind the wall that it names.
        twin_needs: a wall without which the twin is refused too.
    """

    code: str
    walls: frozenset[str]
    twin: str
    twin_needs: str | None = None


OWN = "own files"
READ, LIST, WRITE = "read(os.__file__)", "os.listdir(LIBRARY)", "open('own', 'w').write('x')"
# {secret}: a file of the caller's that everybody may read and write; {caller}: its process; {port}: one it listens on
ATTEMPTS = {
    "reads a file of the caller's": Attempt("read({secret!r})", FILES, READ),
    "reads it through a link": Attempt("os.symlink({secret!r}, 'link'); read('link')", FILES, "os.symlink(os.__file__, 'l'); read('l')", OWN),
    "reads it through a hard link": Attempt("os.link({secret!r}, 'hard'); read('hard')", FILES, WRITE, OWN),
    "reads it through /proc": Attempt("read('/proc/self/root' + {secret!r})", FILES, READ),
    "reads it upwards": Attempt("read('../' * 20 + {secret!r}.lstrip('/'))", FILES, "read(LIBRARY + '/../' + os.path.basename(LIBRARY) + '/os.py')"),
    "reads the users": Attempt("read('/etc/passwd')", FILES, READ),
    "reads the passwords": Attempt("read('/etc/shadow')", FILES, READ),
    "reads the machine's name": Attempt("read('/etc/hostname')", FILES, READ),
    "reads the memory of the machine": Attempt("read('/dev/mem')", ALWAYS, "read('/dev/zero')"),
    "reads a disk": Attempt("read('/dev/vda')", ALWAYS, "read('/dev/urandom')"),
    "lists the root": Attempt("os.listdir('/home')", FILES, LIST),
    "lists the caller's folder": Attempt("os.listdir({folder!r})", FILES, LIST),
    "lists processes": Attempt("os.listdir('/proc')", FILES, LIST),
    "reads the caller's environment": Attempt("read('/proc/{caller}/environ')", FILES, "os.environ['X'] = '1'"),
    "reads the caller's memory": Attempt("read('/proc/{caller}/mem')", FILES, "ctypes.string_at(b'x')"),
    "reads the caller's files": Attempt("read('/proc/{caller}/fd/0')", FILES, READ),
    "reads its parent's environment": Attempt("read(f'/proc/{{os.getppid()}}/environ')", FILES, READ),
    "reads its parent's memory": Attempt("read(f'/proc/{{os.getppid()}}/maps')", FILES, READ),
    "sees an environment": Attempt("1 / bool(os.getenv('SECRET') or os.getenv('HOME') or os.getenv('PATH'))", ALWAYS, "os.environ['X'] = '1'; 1 / bool(os.getenv('X'))"),
    "has other descriptors": Attempt("[fd for fd in range(3, 64) if not any((os.fstat(fd).st_mode & 0o170000) == k for k in (0o10000,))] and 1 / 0", ALWAYS, "os.fstat(1)"),
    "finds where it is started": Attempt("1 / (len(sys.argv) > 1)", ALWAYS, "sys.argv[0]"),
    "overwrites a file of the caller's": Attempt("open({secret!r}, 'w').write('x')", FILES, WRITE, OWN),
    "appends to it": Attempt("open({secret!r}, 'a').write('x')", FILES, WRITE, OWN),
    "truncates it": Attempt("os.truncate({secret!r}, 0)", FILES, "open('t', 'w').write('x'); os.truncate('t', 0)", OWN),
    "removes it": Attempt("os.remove({secret!r})", FILES, "open('r', 'w').close(); os.remove('r')", OWN),
    "renames it": Attempt("os.rename({secret!r}, {secret!r} + '.old')", FILES, "open('n', 'w').close(); os.rename('n', 'm')", OWN),
    "makes a file beside it": Attempt("open({secret!r} + '.new', 'w').close()", FILES, WRITE, OWN),
    "makes a folder beside it": Attempt("os.mkdir({secret!r} + '.dir')", FILES, "os.mkdir('dir')", OWN),
    "makes a pipe beside it": Attempt("os.mkfifo({secret!r} + '.pipe')", FILES, "os.pipe()"),
    "changes the library": Attempt("open(LIBRARY + '/sneak.py', 'w').close()", FILES, WRITE, OWN),
    "overwrites the library": Attempt("open(os.__file__, 'r+').close()", FILES, READ),
    "makes a device": Attempt("os.mknod('disk', 0o060666, os.makedev(254, 0)); read('disk')", ALWAYS, "read('/dev/null') if 0 else 1"),
    "starts a program": Attempt("os.posix_spawn('/bin/true', ['true'], {{}})", frozenset({OWN, "seccomp"}), "os.getpid()"),
    "connects to the machine": Attempt("connect(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port}))", NETWORK, "os.pipe()"),
    "connects to the world": Attempt("connect(socket.AF_INET, socket.SOCK_DGRAM, ('8.8.8.8', 53))", NETWORK, "socket.inet_aton('8.8.8.8')"),
    "connects by the new protocol": Attempt("connect(socket.AF_INET6, socket.SOCK_STREAM, ('::1', {port}))", NETWORK, "socket.inet_pton(socket.AF_INET6, '::1')"),
    "connects to an abstract socket": Attempt("connect(socket.AF_UNIX, socket.SOCK_STREAM, {abstract!r})", NETWORK, "os.pipe()"),
    "connects to docker": Attempt("connect(socket.AF_UNIX, socket.SOCK_STREAM, '/var/run/docker.sock')", NETWORK | FILES, "os.pipe()"),
    "listens to all that is sent": Attempt("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", ALWAYS, "os.pipe()"),
    "may signal the caller": Attempt("os.kill({caller}, 0)", OTHERS, "os.kill(os.getpid(), 0)"),
    "may signal the first process": Attempt("os.getpid() == 1 and 1 / 0; os.kill(1, 0)", OTHERS, "os.kill(os.getpid(), 0)"),
    "may signal its parent": Attempt("os.kill(os.getppid() or {caller}, 0)", OTHERS, "os.kill(os.getpid(), 0)"),
    "has a handle of the caller": Attempt("signal.pidfd_send_signal(os.pidfd_open({caller}), 0)", OTHERS, "os.kill(os.getpid(), 0)"),
    "takes the caller's descriptors": Attempt("system_call(438, 438, os.pidfd_open({caller}), 0, 0)", OTHERS, "os.dup(1)"),
    "traces the caller": Attempt("call('ptrace', 0x4206, {caller}, 0, 0)", OTHERS, "libc.getpid()"),
    "changes the caller's priority": Attempt("os.setpriority(os.PRIO_PROCESS, {caller}, 19)", frozenset({"own process namespace"}), "os.getpriority(os.PRIO_PROCESS, 0)"),
    "changes the caller's limits": Attempt("resource.prlimit({caller}, resource.RLIMIT_NOFILE, (1, 1))", OTHERS, "resource.getrlimit(resource.RLIMIT_NOFILE)"),
    "becomes root": Attempt("os.getuid() == 0 and 1 / 0; os.setuid(0)", ALWAYS, "os.setuid(os.getuid())"),
    "takes root's group": Attempt("os.getgid() == 0 and 1 / 0; os.setgid(0)", ALWAYS, "os.setgid(os.getgid())"),
    "mounts": Attempt("call('mount', b'none', b'/tmp', b'tmpfs', 0, b'')", ALWAYS, "libc.getpid()"),
    "unmounts": Attempt("call('umount2', b'/tmp', 2)", ALWAYS, "libc.getpid()"),
    "changes its root": Attempt("os.chroot('/tmp')", ALWAYS, "os.getcwd()"),
    "names the machine": Attempt("call('sethostname', b'x', 1)", ALWAYS, "os.uname()"),
    "makes a namespace": Attempt("call('unshare', 0x10000000)", CALLS, "libc.getpid()"),
    "makes a namespace by clone": Attempt("system_call(56, 220, 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)", CALLS, "libc.getpid()"),
    "enters the caller's namespace": Attempt("call('setns', os.pidfd_open({caller}), 0x40000000)", OTHERS, "os.dup(1)"),
    "keeps memory that no limit counts": Attempt("call('memfd_create', b'x', 0)", CALLS, "bytearray(10**6)"),
    "keeps memory that outlives it": Attempt("call('shmget', 1, 2**20, 0o1600)", CALLS, "bytearray(10**6)"),
    "keeps keys": Attempt("system_call(248, 217, b'user', b'x', b'y', 1, -3)", CALLS, "libc.getpid()"),
    "loads a filter into the kernel": Attempt("system_call(321, 280, 0, 0, 0)", CALLS, "libc.getpid()"),
    "reads performance of others": Attempt("system_call(298, 241, 0, 0, 0, 0, 0)", CALLS, "libc.getpid()"),
    "uses the kernel's other door": Attempt("system_call(425, 425, 1, ctypes.create_string_buffer(200))", CALLS, "libc.getpid()"),
    "raises its memory limit": Attempt("resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))", ALWAYS, "resource.setrlimit(resource.RLIMIT_STACK, (2**20, 2**20))"),
    "raises its file limit": Attempt("resource.setrlimit(resource.RLIMIT_NOFILE, (10**5, 10**5))", ALWAYS, "resource.getrlimit(resource.RLIMIT_NOFILE)"),
    "raises its time": Attempt("resource.setrlimit(resource.RLIMIT_CPU, (10**5, 10**5))", ALWAYS, "resource.getrlimit(resource.RLIMIT_CPU)"),
    "opens many files": Attempt("[open(os.__file__) for _ in range(1000)]", ALWAYS, "[open(os.__file__) for _ in range(5)]"),
    "writes a large file": Attempt("open('large', 'wb').write(bytes(10**7)); os.path.getsize('large') > 2 * 10**6 or 1 / 0", ALWAYS, "open('small', 'wb').write(bytes(10**4))", OWN),
    "fills the disk": Attempt("[open(f'f{{n}}', 'wb').write(bytes(10**6)) for n in range(40)]", ALWAYS, "[open(f'g{{n}}', 'wb').write(b'x') for n in range(4)]", OWN),
    "makes many files": Attempt("[open(f'n{{n}}', 'w').close() for n in range(5000)]", FILES, "[open(f'm{{n}}', 'w').close() for n in range(4)]", OWN),
    "takes much memory": Attempt("bytearray(10**9)", ALWAYS, "bytearray(10**6)"),
    "starts many children": Attempt("[os.fork() or signal.pause() for _ in range(50)]", frozenset({"own process namespace", "seccomp"}), "child()", "own process namespace"),
    "starts many threads": Attempt("import threading, time; [threading.Thread(target=time.sleep, args=(9,), daemon=True).start() for _ in range(300)]", ALWAYS, "import threading; threading.current_thread()"),
}  # fmt: skip


def program(attempts: dict[str, str]) -> str:
    """Tries each in turn, and prints the names of those that succeeded."""
    lines = [PRELUDE, "done = []"]
    for name, code in attempts.items():
        lines += ["try:", f"    {code}", f"    done.append({name!r})", "except BaseException: pass"]
    return "\n".join([*lines, "print('\\n'.join(done), flush=True)", "os._exit(0)", ""])
