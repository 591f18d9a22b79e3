"""A server, and what it stands on: a folder, or a file system of its own that can lose its power or its room.

Exits with 3, and says why, where such a file system cannot be mounted.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

# EXT4_IOC_SHUTDOWN, and how: what the journal has not written is not written.
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
IMAGE_BYTES = 3 << 30
NO_SYNC = "int fsync(int fd) { return 0; } int fdatasync(int fd) { return 0; } int syncfs(int fd) { return 0; }"


class Machine:
    """`on` is None, "ext4", or the bytes of a tmpfs."""

    def __init__(self, binary, folder, on=None, unsynced=False):
        # Whoever ends this ends the server, and takes the file system away.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.binary, self.data, self.on = binary, folder / "data", on
        self.image, self.log, self.server, self.http = folder / "image", open(folder / "log", "ab"), None, None
        self.env = dict(os.environ)
        if unsynced:
            shim = folder / "no-sync.so"
            subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", shim], input=NO_SYNC.encode(), check=True)
            self.env["LD_PRELOAD"] = str(shim)
        self.data.mkdir()
        if on == "ext4":
            with open(self.image, "wb") as image:
                image.truncate(IMAGE_BYTES)
            subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        self.mount()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.bootstrap = "127.0.0.1:%d" % free.getsockname()[1]

    def mount(self):
        if self.on is None:
            return
        what = ["-o", "loop", self.image] if self.on == "ext4" else ["-t", "tmpfs", "-o", f"size={self.on}", "tmpfs"]
        made = subprocess.run(["mount", *what, self.data], capture_output=True, text=True)
        if made.returncode:
            self.on = None
            print(f"a file system cannot be mounted here: {made.stderr.strip()}")
            sys.exit(3)

    def start(self, under=()):
        """Starts the server, `under` another program perhaps, and waits until it is ready; whether it is."""
        self.server = subprocess.Popen([*under, self.binary, "serve", "--kafka-listen", self.bootstrap, "--http-listen",
                                        "127.0.0.1:0", "--data-dir", self.data / "log"],
                                       stdout=subprocess.PIPE, stderr=self.log, env=self.env)
        for line in self.server.stdout:
            if line.startswith(b"Registry"):
                self.http = line.split()[1].decode()
            if line.startswith(b"annals"):
                return True
        return False

    def kill(self):
        self.server.kill()
        self.server.wait()

    def die(self):
        """The power goes, if there is any to go; without, the server is killed."""
        if self.on == "ext4":
            place = os.open(self.data, os.O_RDONLY)
            fcntl.ioctl(place, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
            os.close(place)
        self.kill()
        if self.on == "ext4":
            subprocess.run(["umount", self.data], check=True)
            self.mount()

    def end(self):
        if self.server:
            self.kill()
        if self.on:
            subprocess.run(["umount", self.data], check=False)
