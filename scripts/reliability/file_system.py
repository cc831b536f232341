"""A file system as POSIX promises it, and what of it a power cut may leave.

What was written to a file is certain when the file was flushed, and an entry of a folder is certain when the folder
was; until then, each write and each entry may be there or not, in any order, and a lost write inside a file is zeros.
"""

import itertools
import os
import re

LOST, ZEROS, KEPT = range(3)
# A point's states are all tried up to this number; beyond, so many by chance.
MOST = 400


class File:
    def __init__(self, synced=b""):
        self.synced, self.pending = synced, []

    def content(self, fates=None):
        """The bytes after a cut that gave each pending write its fate; all of them without a fate."""
        if not self.pending:
            return self.synced
        data = bytearray(self.synced)
        for (offset, written), fate in zip(self.pending, fates or [KEPT] * len(self.pending)):
            if fate == LOST:
                continue
            if len(data) < offset + len(written):
                data.extend(bytes(offset + len(written) - len(data)))
            if fate == KEPT:
                data[offset : offset + len(written)] = written
        return bytes(data)

    def sync(self):
        self.synced, self.pending = self.content(), []


class Folder:
    def __init__(self):
        # What each name certainly held, and what it has come to hold since, None for nothing.
        self.synced, self.pending = {}, {}

    def now(self, name):
        return self.pending[name][-1] if name in self.pending else self.synced.get(name)

    def set(self, name, entry):
        self.pending.setdefault(name, []).append(entry)

    def choices(self, name):
        values = [self.synced.get(name)]
        for value in self.pending.get(name, []):
            if all(value is not other for other in values):
                values.append(value)
        return values

    def sync(self):
        for name, values in self.pending.items():
            self.synced[name] = values[-1]
        self.pending = {}

    @property
    def names(self):
        return {**self.synced, **self.pending}.keys()


def text(argument):
    """The bytes of a string in hexadecimal, as `strace -xx` prints it."""
    return bytes.fromhex(re.fullmatch(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?', argument)[1].replace("\\x", ""))


class FileSystem:
    """Replays a trace below a folder, which exists and is certain."""

    def __init__(self, root):
        self.root, self.folder = str(root), Folder()
        self.descriptors = {}
        self.printed = b""

    def load(self, path=None, folder=None):
        """Takes what is on the disk as certain."""
        path, folder = path or self.root, folder or self.folder
        for entry in os.scandir(path):
            if entry.is_dir():
                folder.synced[entry.name] = Folder()
                self.load(entry.path, folder.synced[entry.name])
            else:
                with open(entry.path, "rb") as file:
                    folder.synced[entry.name] = File(file.read())

    def place(self, path):
        """The folder of a path and its name there; None for a path elsewhere."""
        path = os.path.normpath(path)
        if path == self.root:
            return None, ""
        if not path.startswith(self.root + "/"):
            return None
        *above, name = path[len(self.root) + 1 :].split("/")
        folder = self.folder
        for part in above:
            folder = folder.now(part)
        return folder, name

    def entry(self, path):
        place = self.place(path)
        if place is None:
            return None
        return self.folder if place[0] is None else place[0].now(place[1])

    def apply(self, call):
        """Takes a call into account; whether it changed what a cut may leave."""
        arguments = [part.strip() for part in call.arguments.split(", ")]
        if call.result.startswith(("-1", "?")):
            return False
        result = int(call.result.split()[0], 0)
        name = call.name
        if name == "openat":
            path = text(arguments[1]).decode()
            self.descriptors.pop(result, None)
            place = self.place(path)
            if place is None:
                return False
            entry = self.entry(path)
            made = entry is None and "O_CREAT" in arguments[2]
            if made:
                entry = File()
                place[0].set(place[1], entry)
            assert "O_TRUNC" not in arguments[2], "a file is emptied in its place"
            self.descriptors[result] = [entry, 0]
            return made
        if name == "mkdir":
            place = self.place(text(arguments[0]).decode())
            if place:
                place[0].set(place[1], Folder())
            return bool(place)
        if name in ("rename", "link"):
            old, new = (self.place(text(argument).decode()) for argument in arguments[:2])
            if old is None:
                return False
            new[0].set(new[1], old[0].now(old[1]))
            if name == "rename":
                old[0].set(old[1], None)
            return True
        if name == "unlink":
            place = self.place(text(arguments[0]).decode())
            if place:
                place[0].set(place[1], None)
            return bool(place)
        number = int(arguments[0])
        if name == "close":
            self.descriptors.pop(number, None)
            return False
        if name == "flock":
            return False
        if name == "write" and number == 1:
            self.printed += text(arguments[1])
            return True
        if number not in self.descriptors:
            return False
        descriptor = self.descriptors[number]
        if name in ("fsync", "fdatasync"):
            descriptor[0].sync()
        elif name == "write":
            descriptor[0].pending.append((descriptor[1], text(arguments[1])[:result]))
            descriptor[1] += result
        elif name == "pwrite64":
            descriptor[0].pending.append((int(arguments[3]), text(arguments[1])[:result]))
        elif name == "lseek":
            descriptor[1] = result
            return False
        elif name == "ftruncate":
            # Of the lock's file only, whose content nobody needs.
            assert int(arguments[1]) == 0
            descriptor[0].synced, descriptor[0].pending = b"", []
        else:
            raise ValueError(f"{name} is not known")
        return True

    def is_named(self, call):
        """Whether a write went to a file that has a name other than a hidden one."""
        descriptor = self.descriptors.get(int(call.arguments.split(",")[0]))
        return descriptor is not None and any(
            value is descriptor[0] and not name.startswith(".")
            for folder, name, _ in self.entries(self.folder) for value in folder.choices(name))

    # What a cut may leave

    def states(self, random, chosen_by_chance):
        """States after a cut at this point: dictionaries of paths and contents. Of files under hidden names, which nobody
        reads, only the entries differ."""
        entries = list(self.entries(self.folder))
        axes = [folder.choices(name) for folder, name, _ in entries]
        files = []
        for values, (_, name, _) in zip(axes, entries):
            for file in values:
                if isinstance(file, File) and file.pending and not name.startswith(".") and file not in files:
                    files.append(file)
        writes = [[LOST, ZEROS, KEPT] for file in files for _ in file.pending]
        ways = 1
        for axis in axes + writes:
            ways *= len(axis)
        if ways <= MOST:
            chosen = itertools.product(*axes, *writes)
        else:
            chosen = self._some(axes + writes, random, chosen_by_chance)
        for choice in chosen:
            kept, fates = choice[: len(axes)], list(choice[len(axes) :])
            contents = {}
            for file in files:
                contents[id(file)] = file.content(fates[: len(file.pending)])
                del fates[: len(file.pending)]
            here = {(id(folder), name): value for (folder, name, _), value in zip(entries, kept)}
            yield self._tree(self.folder, "", here, contents)

    def entries(self, folder, path=""):
        for name in sorted(folder.names):
            yield folder, name, path + name
            for value in folder.choices(name):
                if isinstance(value, Folder):
                    yield from self.entries(value, path + name + "/")

    @staticmethod
    def _some(axes, random, count):
        first, last = [axis[0] for axis in axes], [axis[-1] for axis in axes]
        yield first
        yield last
        for index, axis in enumerate(axes):
            for value in axis:
                yield first[:index] + [value] + first[index + 1 :]
                yield last[:index] + [value] + last[index + 1 :]
        for _ in range(count):
            yield [random.choice(axis) for axis in axes]

    def _tree(self, folder, path, here, contents):
        found = {}
        for name in folder.names:
            value = here[id(folder), name]
            if isinstance(value, Folder):
                found[path + name + "/"] = b""
                found.update(self._tree(value, path + name + "/", here, contents))
            elif value is not None:
                found[path + name] = contents.get(id(value)) if id(value) in contents else value.content()
        return found
